import { useQuery } from "@tanstack/react-query";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { Track } from "../../../api/types";
import { TRACK_LABEL, TRACKS } from "../../../lib/tracks";
import { Boundary } from "../../../ui/boundary";
import { ErrorNote, Waiting } from "../../../ui/feedback";
import { AlertsPanel } from "../alerts-panel";
import { ClassNotes } from "../classes/class-notes";
import { LastExports } from "../exports/last-exports";
import type { SessionTabProps } from "../session-page";
import { ChangedPanel } from "./changed-panel";
import { ClassifyPanel } from "./classify-panel";
import { FailedPanel } from "./failed-panel";
import { QueuePanel } from "./queue-panel";
import { StoragePanel } from "./storage-panel";
import { TrackRow } from "./track-row";
import { TransferPanel } from "./transfer-panel";
import { useHour } from "./use-hour";
import { WorkersPanel } from "./workers-panel";

export default function OperationPage({ session }: SessionTabProps) {
  const tracks = useQuery({
    queryKey: keys.part(session.id, "tracks"),
    queryFn: () => api.get<Track[]>(`/sessions/${session.id}/tracks`),
    refetchInterval: 5000,
  });
  const hour = useHour(session.id);
  const byName = new Map((tracks.data ?? []).map((track) => [track.track, track]));
  return (
    <>
      <Boundary what="The alerts">
        <AlertsPanel session={session} />
      </Boundary>
      <ErrorNote error={tracks.error} retry={() => void tracks.refetch()} />
      {tracks.isPending ? <Waiting /> : null}
      <section className="tracks" aria-label="Tracks">
        {TRACKS.map((name) => {
          const track = byName.get(name);
          if (!track) return null;
          return (
            <Boundary key={name} what={TRACK_LABEL[name]}>
              <TrackRow session={session} track={track} hour={hour}>
                {name === "classify2d" ? (
                  <div className="stack">
                    <ClassNotes session={session.id} number={session.last_classes?.number} />
                    <ClassifyPanel session={session} track={track} />
                  </div>
                ) : null}
              </TrackRow>
            </Boundary>
          );
        })}
      </section>
      <div className="panels">
        <Boundary what="The list of changed sources">
          <ChangedPanel session={session} />
        </Boundary>
        <Boundary what="The list of failed movies">
          <FailedPanel session={session} />
        </Boundary>
        <Boundary what="The queue">
          <QueuePanel session={session} tracks={tracks.data ?? []} />
        </Boundary>
        <Boundary what="The transfer">
          <TransferPanel track={byName.get("transfer")} />
        </Boundary>
        <Boundary what="The list of workers">
          <WorkersPanel />
        </Boundary>
        <Boundary what="The storage">
          <StoragePanel session={session} />
        </Boundary>
        <Boundary what="The list of exports">
          <LastExports session={session} />
        </Boundary>
      </div>
    </>
  );
}
