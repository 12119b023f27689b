import { bytes, duration } from "../../lib/format";
import { Progress } from "../../ui/feedback";
import type { Disk } from "./server-types";

const SOON_S = 6 * 3600;

/** How full a disk is, and when it will be full if this goes on. */
export function DiskBar({ disk }: { disk: Disk }) {
  const used = 1 - disk.free_bytes / disk.total_bytes;
  const soon = disk.full_in_s !== null && disk.full_in_s < SOON_S;
  return (
    <div className="disk">
      <div className="row apart tight">
        <span className="mono small truncate" title={disk.path}>
          {disk.path}
        </span>
        <span className={`number small ${soon ? "late" : ""}`}>
          {bytes(disk.free_bytes)} free
          {disk.full_in_s === null ? "" : `, full in ${duration(disk.full_in_s)}`}
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
