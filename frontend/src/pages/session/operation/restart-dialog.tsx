import { useQuery } from "@tanstack/react-query";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { RestartPreview, SessionView, Track, TrackName } from "../../../api/types";
import { trackLabel } from "../../../lib/tracks";
import { type RedoPreview, RedoText } from "../../../settings/preview-text";
import { Button } from "../../../ui/button";
import { Dialog } from "../../../ui/dialog";
import { ErrorNote, Waiting } from "../../../ui/feedback";

const MEANING: Record<TrackName, string> = {
  transfer:
    "Lists the source anew and compares every file with what was delivered. Only what is missing or changed is copied; files that were given up are tried again.",
  preprocess:
    "Applies the newest settings to all movies and tries all failed ones again. What is still valid is not computed again, and old results stay visible until they are replaced.",
  classify2d:
    "Begins a new run over all particles with the newest settings. Earlier runs stay in the history.",
};

export function RestartDialog(props: {
  session: SessionView;
  track: Track;
  onClose: () => void;
  onRestart: () => void;
}) {
  const { session, track } = props;
  const preview = useQuery({
    queryKey: keys.part(session.id, "restart-preview", track.track),
    queryFn: () => api.get<RestartPreview>(`/sessions/${session.id}/tracks/${track.track}/restart-preview`),
    staleTime: 0,
  });
  return (
    <Dialog
      title={`Restart ${trackLabel(session, track.track)}`}
      onClose={props.onClose}
      onSubmit={props.onRestart}
      foot={
        <>
          <Button onClick={props.onClose}>Cancel</Button>
          <Button type="submit" look="primary" icon="restart">
            Restart
          </Button>
        </>
      }
    >
      <p>{MEANING[track.track]}</p>
      <ErrorNote error={preview.error} />
      {preview.isPending ? <Waiting what="Looking what would be done" /> : null}
      {preview.data?.movies ? (
        <RedoText preview={preview.data as RedoPreview} />
      ) : (
        <p>{preview.data?.text}</p>
      )}
    </Dialog>
  );
}
