import { useState } from "react";
import type { SessionView } from "../../../api/types";
import { allows, mayChange } from "../../../lib/me";
import { Button } from "../../../ui/button";
import { DiskBar } from "../../server/disk-bar";
import { useServer } from "../../server/use-server";
import { CleanRawDialog } from "./clean-raw-dialog";

/** The disk of a session, and where it lies. */
export function StoragePanel({ session }: { session: SessionView }) {
  const server = useServer();
  const [cleaning, setCleaning] = useState(false);
  return (
    <section className="panel stack" aria-labelledby="storage-title">
      <h2 id="storage-title">Storage</h2>
      {(server.data?.disks ?? [])
        .filter(({ users }) => users.includes(session.label))
        .map((disk) => (
          <DiskBar key={disk.path} disk={disk} />
        ))}
      <dl className="keyvalue small">
        <dt>Session</dt>
        <dd className="mono">{session.folder}</dd>
        <dt>Source</dt>
        <dd className="mono">{session.source_path ?? "–"}</dd>
      </dl>
      {mayChange(session) && allows(session.role, "owner") ? (
        <p>
          <Button small look="quiet" icon="trash" onClick={() => setCleaning(true)}>
            Remove raw files of rejected movies
          </Button>
        </p>
      ) : null}
      {cleaning ? <CleanRawDialog session={session} onClose={() => setCleaning(false)} /> : null}
    </section>
  );
}
