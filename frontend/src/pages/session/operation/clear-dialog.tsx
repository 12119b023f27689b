import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { ClearPreview, SessionView, Track } from "../../../api/types";
import { bytes, count } from "../../../lib/format";
import { TRACK_LABEL } from "../../../lib/tracks";
import { useAction } from "../../../lib/use-action";
import { Button } from "../../../ui/button";
import { Dialog } from "../../../ui/dialog";
import { ErrorNote, Note, toast, Waiting } from "../../../ui/feedback";

export function ClearDialog(props: { session: SessionView; track: Track; onClose: () => void }) {
  const { session, track, onClose } = props;
  const client = useQueryClient();
  const { busy, error, run } = useAction();
  const label = TRACK_LABEL[track.track];
  const path = `/sessions/${session.id}/tracks/${track.track}`;
  const preview = useQuery({
    queryKey: keys.part(session.id, "clear-preview", track.track),
    queryFn: () => api.get<ClearPreview>(`${path}/clear-preview`),
    staleTime: 0,
  });
  const isStopped = track.state === "stopped";
  const clear = async () => {
    if (!(await run(() => api.post(`${path}/clear`)))) return;
    toast(`${label}: products are being removed`);
    void client.invalidateQueries({ queryKey: keys.session(session.id) });
    onClose();
  };
  return (
    <Dialog
      title={`Clear ${label}`}
      onClose={onClose}
      onSubmit={() => isStopped && preview.data && void clear()}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          {isStopped ? (
            <Button type="submit" look="danger primary" icon="clear" busy={busy} disabled={!preview.data}>
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
            {preview.data.count ? (
              <ul className="stack tight">
                {preview.data.removes.map((item) => (
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
                    {count(preview.data.count)} in all, {bytes(preview.data.bytes)}
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
              {preview.data.keeps.map((what) => (
                <li key={what}>{what}</li>
              ))}
            </ul>
          </section>
        </div>
      ) : null}
    </Dialog>
  );
}
