import type { ReactNode } from "react";
import type { StripNumbers } from "../../api/types";
import { ago, count, duration, fixed, isNumber, noun, shortCount } from "../../lib/format";
import { useNow } from "../../lib/now";

/** Behind by more than this is shown as something to look at. */
const LATE_S = 600;

/** The session's numbers, always there and always in the same places. */
export function Strip({ numbers }: { numbers: StripNumbers | undefined }) {
  const now = useNow(5);
  const n = numbers;
  return (
    <section className="strip" aria-label="Numbers of the session">
      <div className="strip-part">
        <Item label={noun(n?.movies, "movie")} value={count(n?.movies)} />
        <Item label="done" value={count(n?.done)} />
        <Item label="failed" value={count(n?.failed)} tone={n?.failed ? "bad" : undefined} />
        <Item label="waiting" value={count(n?.waiting)} />
        <Item label="movies/h in" value={count(n?.in_per_h)} />
        <Item label="out" value={count(n?.out_per_h)} />
        <Item
          before="behind by"
          value={n ? duration(n.behind_s) : "–"}
          tone={n && n.behind_s > LATE_S ? "warn" : undefined}
        />
        <TimeLeft numbers={n} />
      </div>
      <div className="strip-part">
        <Item label={noun(n?.particles, "particle")} value={shortCount(n?.particles)} />
        <Item
          before="resolution median"
          title="Median of the resolutions to which the CTF fits"
          value={isNumber(n?.resolution_median_a) ? `${fixed(n.resolution_median_a, 1)} Å` : "–"}
        />
        <Item
          before={n?.classes ? "classes updated" : "classes"}
          value={n?.classes ? ago(n.classes.finished_at, now) : "none yet"}
        />
      </div>
    </section>
  );
}

/** How long until nothing waits any more, or that the microscope is faster. */
function TimeLeft({ numbers: n }: { numbers: StripNumbers | undefined }) {
  const grows = n !== undefined && n.waiting > 0 && !n.catching_up && n.capacity_per_h !== null;
  return (
    <Item
      before="time left"
      value={grows ? "growing" : n?.waiting === 0 ? "nothing" : duration(n?.eta_s)}
      title={
        grows
          ? "More movies come in than can be processed: the backlog grows"
          : "Until the movies that wait are processed, as fast as the last 50 were, while others come in as now"
      }
      tone={grows ? "warn" : undefined}
    />
  );
}

function Item(props: {
  title?: string;
  before?: string;
  value: ReactNode;
  label?: string;
  tone?: "bad" | "warn" | undefined;
}) {
  return (
    <span className={`strip-item ${props.tone ?? ""}`} title={props.title}>
      {props.before ? <span>{props.before}</span> : null}
      <b>{props.value}</b>
      {props.label ? <span>{props.label}</span> : null}
    </span>
  );
}
