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
              {data.load.toFixed(2)} on {data.cores} cores
            </dd>
          </dl>
        </section>
        <section className="panel stack" aria-labelledby="disks-title">
          <h2 id="disks-title">Disks</h2>
          {data.disks.map((disk) => (
            <DiskBar key={disk.path} disk={disk} />
          ))}
        </section>
        <section className="panel wide" aria-labelledby="workers-title">
          <h2 id="workers-title">Workers</h2>
          <WorkerTable workers={data.workers} />
        </section>
      </div>
      {me.is_admin ? <AuditPanel /> : null}
    </div>
  );
}
