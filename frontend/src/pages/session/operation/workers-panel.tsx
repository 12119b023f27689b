import { useServer } from "../../server/use-server";
import { WorkerTable } from "../../server/worker-table";

/** The server's workers and what each does now. */
export function WorkersPanel() {
  const server = useServer();
  if (!server.data) return null;
  return (
    <section className="panel" aria-labelledby="workers-title">
      <h2 id="workers-title">Workers</h2>
      <WorkerTable brief workers={server.data.workers} />
    </section>
  );
}
