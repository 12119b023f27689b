import { ago } from "../../lib/format";
import { useNow } from "../../lib/now";
import type { Worker } from "./server-types";

export function WorkerTable({ workers }: { workers: readonly Worker[] }) {
  const now = useNow(5);
  if (!workers.length)
    return <p className="muted">No worker has been needed yet; they start with the first track.</p>;
  return (
    <div className="table-wrap">
      <table className="table compact">
        <thead>
          <tr>
            <th>Worker</th>
            <th>For</th>
            <th>What it does</th>
          </tr>
        </thead>
        <tbody>
          {workers.map((worker) => (
            <tr key={worker.name}>
              <td className="mono small">{worker.name}</td>
              <td>{worker.pool}</td>
              <td className={worker.task ? "breakable small" : "muted small"}>
                {worker.task ?? "idle"}{" "}
                {worker.since ? <span className="muted">{ago(worker.since, now)}</span> : null}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
