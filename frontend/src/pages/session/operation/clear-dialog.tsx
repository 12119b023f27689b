import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { ClearPreview, SessionView, Track } from "../../../api/types";
import { bytes, count, plural } from "../../../lib/format";
import { trackLabel } from "../../../lib/tracks";
import { useAction } from "../../../lib/use-action";
import { Button } from "../../../ui/button";
import { Dialog } from "../../../ui/dialog";
import { ErrorNote, Note, toast, Waiting } from "../../../ui/feedback";
import { CheckField } from "../../../ui/field";

export function ClearDialog(props: { session: SessionView; track: Track; onClose: () => void }) {
  const { session, track, onClose } = props;
  const client = useQueryClient();
  const { busy, error, run } = useAction();
  const label = trackLabel(session, track.track);
  const path = `/sessions/${session.id}/tracks/${track.track}`;
  const preview = useQuery({
    queryKey: keys.part(session.id, "clear-preview", track.track),
    queryFn: () => api.get<ClearPreview>(`${path}/clear-preview`),
    staleTime: 0,
  });
  const isStopped = track.state === "stopped";
  const [kept, setKept] = useState<ReadonlySet<number>>(new Set());
  const runs = preview.data?.runs ?? [];
  const ticked = runs.filter((item) => !kept.has(item.run));
  const partly = ticked.length < runs.length;
  const keep = (number: number, on: boolean) => {
    const next = new Set(kept);
    if (on) next.add(number);
    else next.delete(number);
    setKept(next);
  };
  const clear = async () => {
    const body = partly ? { runs: ticked.map((item) => item.run) } : {};
    if (!(await run(() => api.post(`${path}/clear`, body)))) return;
    toast(`${label}: products are being removed`);
    // The feed tells what else is gone; what was shown of it must not be asked for again.
    void client.invalidateQueries({ queryKey: keys.part(session.id, "tracks") });
    onClose();
  };
  const canClear = preview.data !== undefined && !(partly && ticked.length === 0);
  const removes = partly ? of(ticked) : (preview.data?.removes ?? []);
  return (
    <Dialog
      title={`Clear ${label}`}
      onClose={onClose}
      onSubmit={() => isStopped && canClear && void clear()}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          {isStopped ? (
            <Button type="submit" look="danger primary" icon="clear" busy={busy} disabled={!canClear}>
              Clear
            </Button>
          ) : (
            <Button
              look="primary"
              icon="stop"
              busy={busy || track.state === "stopping"}
              onClick={() => void run(() => api.post(`${path}/stop`, { now: false }))}
            >
              Stop it first
            </Button>
          )}
        </>
      }
    >
      <ErrorNote error={error ?? preview.error} />
      {isStopped ? null : (
        <Note tone="warn">The track is {track.state}. It must be stopped before it can be cleared.</Note>
      )}
      {preview.isPending ? <Waiting what="Counting what would go" /> : null}
      {preview.data ? (
        <div className="two-columns">
          <section>
            <h3>Goes</h3>
            {runs.length > 1 ? (
              <fieldset className="stack tight">
                <legend>Runs of 2D classification</legend>
                {runs.map((item) => (
                  <CheckField
                    key={item.run}
                    label={`Run ${item.run}: ${plural(item.updates, "update")}, ${plural(item.particles, "particle")}, ${bytes(item.bytes)}`}
                    checked={!kept.has(item.run)}
                    onChange={(on) => keep(item.run, !on)}
                  />
                ))}
              </fieldset>
            ) : null}
            {removes.length ? (
              <ul className="stack tight">
                {removes.map((item) => (
                  <li key={item.what}>
                    {item.what}
                    <span className="muted number">
                      {" "}
                      {count(item.count)}, {bytes(item.bytes)}
                    </span>
                  </li>
                ))}
                <li>
                  <b className="number">
                    {count(sum(removes.map((item) => item.count)))} in all,{" "}
                    {bytes(sum(removes.map((item) => item.bytes)))}
                  </b>
                </li>
              </ul>
            ) : (
              <p className="muted">Nothing: there is nothing to clear.</p>
            )}
          </section>
          <section>
            <h3>Stays</h3>
            <ul className="stack tight">
              {(partly ? ["the other runs", ...preview.data.keeps] : preview.data.keeps).map((what) => (
                <li key={what}>{what}</li>
              ))}
            </ul>
          </section>
        </div>
      ) : null}
    </Dialog>
  );
}

/** What goes with some runs only. */
function of(runs: ClearPreview["runs"]): ClearPreview["removes"] {
  if (!runs.length) return [];
  return [
    {
      what: "updates of class averages",
      count: sum(runs.map((item) => item.updates)),
      bytes: sum(runs.map((item) => item.bytes)),
    },
  ];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
