import { useQuery } from "@tanstack/react-query";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { LogPart, Movie, SessionView } from "../../../api/types";
import { cellWithUnit } from "../../../lib/columns";
import { duration, fullTime } from "../../../lib/format";
import { useColumns } from "../../../movies/use-movies";
import { Note } from "../../../ui/feedback";
import { StateDot } from "../../../ui/state";
import { lineTime, moreFields } from "../logs/log-line";

const LEFT_OUT = new Set(["name", "override", "reason"]);

/** All numbers of a movie, what each stage did, and its lines of the log. */
export function MovieFacts({ session, movie }: { session: SessionView; movie: Movie }) {
  const columns = useColumns();
  const row = movie.columns as Record<string, unknown>;
  const known = columns.filter(
    ({ name }) => !LEFT_OUT.has(name) && row[name] !== null && row[name] !== undefined && row[name] !== "",
  );
  const groups = [...new Set(known.map((column) => column.group))];
  return (
    <>
      {movie.notes.map((note) => (
        <Note key={note}>{note}</Note>
      ))}
      <section className="panel facts" aria-label="Numbers">
        {groups.map((group) => (
          <details key={group} open={group !== "time" && group !== "identity"}>
            <summary>{group}</summary>
            <dl className="keyvalue dense">
              {known
                .filter((column) => column.group === group)
                .map((column) => (
                  <div key={column.name} className="keyvalue-row">
                    <dt>{column.label}</dt>
                    <dd className="number">
                      {column.kind === "time"
                        ? fullTime(row[column.name] as number)
                        : cellWithUnit(column, row[column.name])}
                    </dd>
                  </div>
                ))}
            </dl>
          </details>
        ))}
        <details>
          <summary>stages</summary>
          <ul className="stack tight">
            {Object.entries(movie.stages).map(([stage, record]) => (
              <li key={stage}>
                <StateDot state={String(record.state)} /> <b>{stage}</b> {String(record.state)}
                {Number(record.seconds) ? ` in ${duration(Number(record.seconds))}` : ""}
                {record.reason ? <span className="muted"> · {String(record.reason)}</span> : null}
              </li>
            ))}
          </ul>
        </details>
        <MovieLog session={session.id} name={movie.name} />
      </section>
    </>
  );
}

function MovieLog({ session, name }: { session: number; name: string }) {
  const log = useQuery({
    queryKey: keys.part(session, "movie", name, "log"),
    queryFn: ({ signal }) =>
      api.get<LogPart>(
        `/sessions/${session}/logs/preprocess`,
        { search: name, level: "debug", limit: 100 },
        signal,
      ),
  });
  const lines = log.data?.lines ?? [];
  return (
    <details>
      <summary>log ({lines.length})</summary>
      {lines.length ? (
        <ol className="movie-log mono">
          {lines.map((line) => (
            <li key={String(line.offset)} className={`level-${line.level}`}>
              {fullTime(lineTime(line)).slice(11)} {String(line.stage ?? "")} {line.message}{" "}
              <span className="muted">{moreFields(line)}</span>
            </li>
          ))}
        </ol>
      ) : (
        <p className="muted small">Nothing was logged about it.</p>
      )}
    </details>
  );
}
