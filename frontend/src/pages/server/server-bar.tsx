import { count } from "../../lib/format";
import { DiskBar } from "./disk-bar";
import { useServer } from "./use-server";

/** The server in one line: workers, load, disks. */
export function ServerBar() {
  const { data } = useServer();
  if (!data) return null;
  const busy = data.workers.filter((worker) => worker.task).length;
  return (
    <section className="panel server-bar" aria-label="Server">
      <p>
        <b className="number">
          {busy} of {count(data.workers.length)}
        </b>{" "}
        workers busy
      </p>
      <p>
        load <b className="number">{data.load.toFixed(1)}</b> on {data.cores} cores
      </p>
      {data.disks.map((disk) => (
        <DiskBar key={disk.path} disk={disk} />
      ))}
    </section>
  );
}
