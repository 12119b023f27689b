import { useQuery } from "@tanstack/react-query";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { Track } from "../../../api/types";
import { TRACKS } from "../../../lib/tracks";
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
      <AlertsPanel session={session} />
      <ErrorNote error={tracks.error} retry={() => void tracks.refetch()} />
      {tracks.isPending ? <Waiting /> : null}
      <section className="tracks" aria-label="Tracks">
        {TRACKS.map((name) => {
          const track = byName.get(name);
          if (!track) return null;
          return (
            <TrackRow key={name} session={session} track={track} hour={hour}>
              {name === "classify2d" ? (
                <div className="stack">
                  <ClassNotes session={session.id} number={session.last_classes?.number} />
                  <ClassifyPanel session={session} track={track} />
                </div>
              ) : null}
            </TrackRow>
          );
        })}
      </section>
      <div className="panels">
        <ChangedPanel session={session} />
        <FailedPanel session={session} />
        <QueuePanel session={session} tracks={tracks.data ?? []} />
        <TransferPanel track={byName.get("transfer")} />
        <WorkersPanel />
        <StoragePanel session={session} />
        <LastExports session={session} />
      </div>
    </>
  );
}
