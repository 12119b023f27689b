import { count, noun, plural } from "../../lib/format";
import { DiskBar } from "./disk-bar";
import { useServer } from "./use-server";

/** The server in one line: workers, load, GPUs, disks. */
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
        {noun(data.workers.length, "worker")} busy
      </p>
      <p>
        load <b className="number">{(data.load[0] ?? 0).toFixed(1)}</b> on {plural(data.cores, "core")}
      </p>
      {data.gpus.map((gpu) => (
        <p key={gpu.index}>
          GPU {gpu.index} <b className="number">{gpu.used_percent ?? "–"}%</b>
        </p>
      ))}
      {data.disks.map((disk) => (
        <DiskBar key={disk.path} disk={disk} />
      ))}
    </section>
  );
}
