import type { SessionView, Track } from "../../../api/types";
import { count } from "../../../lib/format";
import { StateDot } from "../../../ui/state";

const STATES = [
  ["settling", "being written at the microscope"],
  ["waiting", "waiting for transfer"],
  ["transferring", "being transferred"],
  ["queued", "waiting for a worker"],
  ["processing", "being processed"],
  ["outdated", "done with older settings"],
  ["done", "done"],
  ["failed", "failed"],
  ["ignored", "told to ignore"],
] as const;

/** Where the movies are, and which ones are in work. */
export function QueuePanel({ session, tracks }: { session: SessionView; tracks: readonly Track[] }) {
  const working = tracks.flatMap((track) => track.details?.movies ?? []);
  return (
    <section className="panel tall" aria-labelledby="queue-title">
      <h2 id="queue-title">Queue</h2>
      <table className="table compact">
        <tbody>
          {STATES.map(([state, words]) => (
            <tr key={state} className={session.counts[state] ? "" : "muted"}>
              <td>
                <StateDot state={state} /> {words}
              </td>
              <td className="right number">{count(session.counts[state] ?? 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {working.length ? (
        <>
          <h3>In work</h3>
          <ul className="stack tight small mono">
            {working.slice(0, 20).map((name) => (
              <li key={name} className="truncate" title={name}>
                {name}
              </li>
            ))}
          </ul>
        </>
      ) : null}
    </section>
  );
}
