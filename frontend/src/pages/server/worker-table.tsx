import type { Worker } from "../../api/types";
import { bytes, duration } from "../../lib/format";
import { useNow } from "../../lib/now";
import { TableWrap } from "../../ui/table-wrap";
import { taskWords } from "./words";

/** Workers and what each does now; `brief` leaves out what it takes. */
export function WorkerTable({ workers, brief }: { workers: readonly Worker[]; brief?: boolean }) {
  const now = useNow(5);
  if (!workers.length) {
    return <p className="muted">No worker has been needed yet; they start with the first track.</p>;
  }
  return (
    <TableWrap label="Table of workers">
      <table className="table compact">
        <thead>
          <tr>
            <th>Worker</th>
            <th>For</th>
            <th>What it does</th>
            {brief ? null : <th className="right">CPU</th>}
            {brief ? null : <th className="right">Memory</th>}
          </tr>
        </thead>
        <tbody>
          {workers.map((worker) => (
            <tr key={worker.name}>
              <td className="mono small nowrap">{worker.name}</td>
              <td>
                {worker.pool}
                {worker.gpu ? <span className="muted"> {worker.gpu}</span> : null}
              </td>
              <td
                className={worker.task ? "breakable small" : "muted small"}
                title={worker.task || undefined}
              >
                {worker.pid === null ? "starting" : taskWords(worker.task) || "idle"}{" "}
                {worker.since ? (
                  <span className="muted nowrap">for {duration(Math.max(0, now - worker.since))}</span>
                ) : null}
              </td>
              {brief ? null : <td className="right number">{Math.round(worker.cpu_percent)}%</td>}
              {brief ? null : <td className="right number nowrap">{bytes(worker.memory_bytes)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </TableWrap>
  );
}
