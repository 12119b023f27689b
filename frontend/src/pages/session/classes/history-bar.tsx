import type { ClassUpdate } from "../../../api/types";
import { clock, count, duration, fixed, isNumber, noun, plural } from "../../../lib/format";
import { useNow } from "../../../lib/now";
import { Button } from "../../../ui/button";
import { Badge, type Tone } from "../../../ui/feedback";
import type { useHistory } from "./use-history";

const KINDS: Record<string, readonly [string, Tone]> = {
  streaming: ["streaming", "good"],
  random_seed: ["random seed", "plain"],
  startup: ["start-up", "busy"],
  refinement: ["refinement", "good"],
  batch: ["batch", "plain"],
};

/** Two ways to an earlier entry, and what the shown one is. */
export function HistoryBar({ history }: { history: ReturnType<typeof useHistory> }) {
  const { updates, place, shown, following } = history;
  if (!shown) return null;
  return (
    <section className="panel history" aria-label="History of class averages">
      <div className="row tight">
        <Button small aria-label="Earlier update" disabled={place <= 0} onClick={() => history.go(place - 1)}>
          ‹
        </Button>
        <input
          type="range"
          className="grow"
          aria-label="Update"
          aria-valuetext={`Update ${shown.number} of ${updates.length}`}
          min={0}
          max={Math.max(0, updates.length - 1)}
          value={place}
          onChange={(event) => history.go(Number(event.target.value))}
        />
        <Button
          small
          aria-label="Later update"
          disabled={place >= updates.length - 1}
          onClick={() => history.go(place + 1)}
        >
          ›
        </Button>
        <Button
          small
          icon={history.playing ? "pause" : "play"}
          disabled={updates.length < 2}
          onClick={() => history.play(!history.playing)}
        >
          {history.playing ? "Pause" : "Play"}
        </Button>
        <select
          className="input choice"
          aria-label="Choose an update"
          value={shown.number}
          onChange={(event) =>
            history.go(updates.findIndex((update) => String(update.number) === event.target.value))
          }
        >
          {updates.toReversed().map((update) => (
            <option key={update.number} value={update.number}>
              {optionText(update)}
            </option>
          ))}
        </select>
        <Button small aria-pressed={following} onClick={history.follow}>
          Newest
        </Button>
      </div>
      <MetadataLine update={shown} />
    </section>
  );
}

function limitText(update: ClassUpdate): string {
  return isNumber(update.limit_a) ? `${fixed(update.limit_a, 1)} Å` : "no limit";
}

export function optionText(update: ClassUpdate): string {
  const kind = KINDS[update.kind]?.[0] ?? update.kind;
  return `${update.number} · ${kind} · ${count(update.particles)} · ${limitText(update)} · ${clock(update.finished_at)}`;
}

/** "Update 12, streaming, 36,000 particles, 8.0 Å, finished 14:03, 40 s ago". */
function MetadataLine({ update }: { update: ClassUpdate }) {
  const now = useNow();
  const [kind, tone] = KINDS[update.kind] ?? [update.kind, "plain"];
  const age = Math.max(0, now - update.finished_at);
  return (
    <p className="metadata number" role="status">
      <b>Update {update.number}</b>
      <Badge tone={tone}>{kind}</Badge>
      <span>
        <b>{count(update.particles)}</b> {noun(update.particles, "particle")} in{" "}
        {plural(update.class_count, "class", "classes")}
      </span>
      <span>limit {limitText(update)}</span>
      {isNumber(update.fraction) && update.fraction < 1 ? (
        <span>{fixed(100 * update.fraction, 0)}% of the particles</span>
      ) : null}
      <span>
        finished {clock(update.finished_at)}
        <span className="muted"> ({age < 5 ? "just now" : `${duration(Math.floor(age))} ago`})</span>
      </span>
      <span className="muted">
        run {update.run}, settings revision {update.settings_revision}, took {duration(update.seconds)}
      </span>
    </p>
  );
}
