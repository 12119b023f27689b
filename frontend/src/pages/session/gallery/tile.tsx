import { memo } from "react";
import { url } from "../../../api/client";
import type { MovieRow } from "../../../api/types";
import { fixed, plural } from "../../../lib/format";
import { Picture } from "../../../ui/picture";
import { StateDot } from "../../../ui/state";

const WITH_PICTURE = new Set(["done", "outdated", "processing", "ignored"]);

interface TileProps {
  session: number;
  row: MovieRow | undefined;
  /** So large that the thumbnail would be coarse. */
  large: boolean;
  /** What the order is by, where it isn't shown anyway. */
  extra: string;
  selected: boolean;
  rejected: boolean;
  place: number;
  onSelect: (name: string, place: number) => void;
  onOpen: (name: string) => void;
}

/** Thumbnail, name, state, particles and resolution of one movie. */
export const Tile = memo(function Tile({ session, row, large, extra, ...props }: TileProps) {
  if (!row?.name) return <div className="tile is-waiting" />;
  const { name } = row;
  const state = String(row.state);
  const hasPicture = row.done_at !== null && WITH_PICTURE.has(state);
  const kind = large ? "preview" : "thumbnail";
  const src = url(`/sessions/${session}/pictures/${row.name}/${kind}.jpg`, { v: String(row.done_at) });
  const words = [
    row.particles === null ? "" : plural(row.particles, "particle"),
    row.ctf_resolution_a === null ? "" : `${fixed(row.ctf_resolution_a, 1)} Å`,
    extra,
  ].filter(Boolean);
  return (
    <button
      type="button"
      className={`tile ${props.selected ? "is-selected" : ""} ${props.rejected ? "is-rejected" : ""}`}
      aria-pressed={props.selected}
      title={row.reason ?? row.name}
      onClick={() => props.onSelect(name, props.place)}
      onDoubleClick={() => props.onOpen(name)}
    >
      {hasPicture ? (
        <Picture src={src} alt="" />
      ) : (
        <span className="picture no-picture">
          <span className="picture-missing">{state}</span>
        </span>
      )}
      <span className="tile-name">
        <StateDot state={state} label={state} />
        <span className="truncate">{row.name}</span>
      </span>
      <span className="tile-numbers truncate number">
        {row.override === "auto" ? "" : <b className={`override-${row.override}`}>{row.override}d · </b>}
        {words.join(" · ") || row.reason || " "}
      </span>
    </button>
  );
});
