import type { Disk } from "../../api/types";
import { bytes, duration } from "../../lib/format";
import { Progress } from "../../ui/feedback";

const SOON_H = 6;

/** How full a disk is, and when it will be full if this goes on. */
export function DiskBar({ disk }: { disk: Disk }) {
  if (disk.problem) {
    const text = `${disk.users.join(", ")}: ${disk.problem}`;
    return (
      <p className="disk late small truncate" title={text}>
        {text}
      </p>
    );
  }
  const used = 1 - disk.free_bytes / disk.total_bytes;
  const soon = disk.hours_left !== null && disk.hours_left < SOON_H;
  return (
    <div className="disk">
      <div className="row apart tight nowrap-row">
        <span className="mono small truncate" title={`${disk.path} (${disk.users.join(", ")})`}>
          {disk.path}
        </span>
        <span className={`number small nowrap ${soon ? "late" : ""}`}>
          {bytes(disk.free_bytes)} free
          {disk.hours_left === null ? "" : `, full in ${duration(disk.hours_left * 3600)}`}
        </span>
      </div>
      <Progress
        value={used}
        label={`${disk.path}: ${Math.round(100 * used)} % used`}
        tone={soon ? "bad" : used > 0.9 ? "warn" : undefined}
      />
    </div>
  );
}
