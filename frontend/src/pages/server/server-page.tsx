import { bytes, clock, plural } from "../../lib/format";
import { useMe } from "../../lib/me";
import { ErrorNote, Waiting } from "../../ui/feedback";
import { AuditPanel } from "./audit-panel";
import { DiskBar } from "./disk-bar";
import { useServer } from "./use-server";
import { WorkerTable } from "./worker-table";

export default function ServerPage() {
  const me = useMe();
  const server = useServer();
  if (!server.data) {
    return (
      <div className="page">
        <h1>Server</h1>
        {server.error ? <ErrorNote error={server.error} retry={() => void server.refetch()} /> : <Waiting />}
      </div>
    );
  }
  const { data } = server;
  return (
    <div className="page">
      <div className="row apart">
        <h1>Server</h1>
        <span className="muted">Frazil {data.version}</span>
      </div>
      <div className="panels">
        <section className="panel" aria-labelledby="load-title">
          <h2 id="load-title">Load</h2>
          <dl className="keyvalue">
            <dt>Load</dt>
            <dd className="number">
              {data.load.map((value) => value.toFixed(1)).join(", ")} on {plural(data.cores, "core")} (1, 5,
              15 min)
            </dd>
            <dt>Processor</dt>
            <dd className="number">{Math.round(data.cpu_percent)}%</dd>
            <dt>Memory</dt>
            <dd className="number">
              {bytes(data.memory.available_bytes)} of {bytes(data.memory.total_bytes)} free; the server takes{" "}
              {bytes(data.memory.server_bytes)}
            </dd>
            <dt>Computes on</dt>
            <dd>{data.device}</dd>
            <dt>Queue</dt>
            <dd className="number">{plural(data.queued, "task")}</dd>
            <dt>Started</dt>
            <dd className="number">{clock(data.started_at)}</dd>
          </dl>
        </section>
        <section className="panel stack" aria-labelledby="disks-title">
          <h2 id="disks-title">Disks</h2>
          {data.disks.map((disk) => (
            <DiskBar key={disk.path} disk={disk} />
          ))}
        </section>
        {data.gpus.length ? (
          <section className="panel" aria-labelledby="gpus-title">
            <h2 id="gpus-title">GPUs</h2>
            <table className="table compact">
              <tbody>
                {data.gpus.map((gpu) => (
                  <tr key={gpu.index}>
                    <td>
                      {gpu.index} {gpu.name}
                    </td>
                    <td className="right number">{gpu.used_percent ?? "–"}%</td>
                    <td className="right number">
                      {bytes(gpu.memory_used_bytes)} of {bytes(gpu.memory_total_bytes)}
                    </td>
                    <td className="right number">{gpu.temperature_c ?? "–"} °C</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        ) : null}
        <section className="panel wide" aria-labelledby="workers-title">
          <h2 id="workers-title">Workers</h2>
          <WorkerTable workers={data.workers} />
        </section>
      </div>
      {me.is_admin ? <AuditPanel /> : null}
    </div>
  );
}
