import { clock } from "../../../lib/format";
import { VirtualList } from "../../../ui/virtual-list";
import { lineTime } from "../logs/log-line";
import { logWords } from "../logs/log-words";
import { useLog } from "../logs/use-log";

/** The last 1000 lines of 2D classification, live. */
export function JobOutput({ session }: { session: number }) {
  const log = useLog({ session, track: "classify2d", level: "info", search: "", most: 1000 });
  const { lines } = log;
  return (
    <section className="panel job-output" aria-label="Job output">
      <h2>Job output</h2>
      {lines.length ? (
        <VirtualList
          label="Output of 2D classification"
          count={lines.length}
          rowHeight={20}
          height="220px"
          follow
          renderRow={(index) => {
            const line = lines[index];
            if (!line) return null;
            const text = [clock(lineTime(line)), ...logWords(line)].join(" ");
            return (
              <div className={`truncate mono job-line level-${line.level}`} title={text}>
                {text}
              </div>
            );
          }}
        />
      ) : (
        <p className="small muted">{log.loading ? "Reading…" : "Nothing has been said yet."}</p>
      )}
    </section>
  );
}
