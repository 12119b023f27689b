import type { SessionView } from "../../../api/types";
import { DiskBar } from "../../server/disk-bar";
import { useServer } from "../../server/use-server";

/** Disks of the server, and where this session lies. */
export function StoragePanel({ session }: { session: SessionView }) {
  const server = useServer();
  return (
    <section className="panel stack" aria-labelledby="storage-title">
      <h2 id="storage-title">Storage</h2>
      {(server.data?.disks ?? []).map((disk) => (
        <DiskBar key={disk.path} disk={disk} />
      ))}
      <dl className="keyvalue small">
        <dt>Session</dt>
        <dd className="mono">{session.folder}</dd>
        <dt>Source</dt>
        <dd className="mono">{session.source_path ?? "–"}</dd>
      </dl>
    </section>
  );
}
