import { useQuery } from "@tanstack/react-query";
import { useCallback, useState } from "react";
import { url } from "../../../api/client";
import { keys } from "../../../api/queries";
import { cellWithUnit } from "../../../lib/columns";
import { useColumnMap } from "../../../movies/use-movies";
import { Picture } from "../../../ui/picture";
import { movieOfPlace } from "./name-of-place";

export interface Hovered {
  /** Place of the movie in the columns. */
  index: number;
  x: number;
  y: number;
}

interface Hover {
  value: Hovered | null;
  set: (index: number | null, at: { x: number; y: number }) => void;
}

export function useHover(): Hover {
  const [value, setValue] = useState<Hovered | null>(null);
  const set = useCallback((index: number | null, at: { x: number; y: number }) => {
    setValue((old) => {
      if (index === null) return null;
      return old?.index === index ? old : { index, ...at };
    });
  }, []);
  return { value, set };
}

const NUMBERS = ["defocus_mean_a", "ctf_resolution_a", "particles"];
const WIDTH_PX = 210;
const HEIGHT_PX = 290;

/** Thumbnail and numbers of the movie under the pointer. */
export function HoverCard({ session, hover }: { session: number; hover: Hovered | null }) {
  const columns = useColumnMap();
  const place = hover?.index ?? 0;
  const row = useQuery({
    queryKey: keys.part(session, "columns", "card", place),
    queryFn: ({ signal }) => movieOfPlace(session, place, signal),
    enabled: hover !== null,
  });
  const movie = row.data;
  // Said, too, for those who walk through the points by keys.
  if (!hover || !movie) return <div role="status" />;
  const left = Math.min(hover.x + 16, window.innerWidth - WIDTH_PX - 8);
  const top = Math.max(8, Math.min(hover.y + 16, window.innerHeight - HEIGHT_PX));
  return (
    <div role="status" className="hover-card" style={{ left, top, width: WIDTH_PX }}>
      {movie.done_at === null ? null : (
        <Picture
          src={url(`/sessions/${session}/pictures/${movie.name}/thumbnail.jpg`, { v: String(movie.done_at) })}
          alt=""
          eager
        />
      )}
      <b className="truncate">{movie.name}</b>
      {NUMBERS.map((name) => {
        const column = columns.get(name);
        return column ? (
          <span key={name} className="small number">
            <span className="muted">{column.label}</span>{" "}
            {cellWithUnit(column, (movie as Record<string, unknown>)[name])}
          </span>
        ) : null;
      })}
    </div>
  );
}
