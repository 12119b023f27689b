import type { ChangePreview, SettingChange, SettingInfo } from "../api/types";
import { bytes, count, duration, plural } from "../lib/format";
import { shown } from "./values";

const STAGES = [
  ["align", "Frame alignment"],
  ["sum", "Sum"],
  ["ctf", "CTF"],
  ["pick", "Particle detection"],
  ["extract", "Extraction"],
] as const;

export type RedoPreview = Pick<
  ChangePreview,
  "movies" | "kept_movies" | "failed_movies" | "stages" | "seconds" | "bytes"
>;

/** What would be done again: in a sentence, and stage by stage. */
export function RedoText({ preview }: { preview: RedoPreview }) {
  const rows = STAGES.filter(([stage]) => preview.stages[stage]?.movies);
  const first = rows[0]?.[1];
  if (!first && !preview.failed_movies) return <p>No movie has to be processed again.</p>;
  return (
    <>
      {first ? (
        <p>
          <b>
            {first}
            {rows.length > 1 ? " and later stages" : ""} of {plural(preview.movies, "movie")}
          </b>{" "}
          would be done again, about <b className="number">{duration(preview.seconds)}</b>;{" "}
          <span className="number">{bytes(preview.bytes)}</span> are written anew. Old results stay visible
          until they are replaced.
        </p>
      ) : null}
      {preview.failed_movies ? (
        <p>{plural(preview.failed_movies, "failed movie")} would be tried again.</p>
      ) : null}
      {rows.length ? (
        <table className="table compact">
          <thead>
            <tr>
              <th>Done again</th>
              <th className="right">Movies</th>
              <th className="right">Work</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([stage, label]) => (
              <tr key={stage}>
                <td>{label}</td>
                <td className="right number">{count(preview.stages[stage]?.movies)}</td>
                <td className="right number">{duration(preview.stages[stage]?.seconds)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </>
  );
}

/** Settings before and after. */
export function ChangesTable(props: { changes: readonly SettingChange[]; schema: readonly SettingInfo[] }) {
  return (
    <table className="table compact">
      <thead>
        <tr>
          <th>Setting</th>
          <th>Before</th>
          <th>After</th>
        </tr>
      </thead>
      <tbody>
        {props.changes.map(({ name, before, after }) => {
          const info = props.schema.find((item) => item.name === name);
          return (
            <tr key={name}>
              <td>{info?.label ?? name}</td>
              <td className="muted breakable">{info ? shown(info, before) : String(before)}</td>
              <td className="breakable">{info ? shown(info, after) : String(after)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
