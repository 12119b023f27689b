import { useQuery } from "@tanstack/react-query";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { SessionView, Track } from "../../../api/types";
import { mayChange } from "../../../lib/me";
import { trackLabel, tracksOf } from "../../../lib/tracks";
import { Boundary } from "../../../ui/boundary";
import { ErrorNote, Note, Waiting } from "../../../ui/feedback";
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

/** Nothing has come, nothing runs, and whoever looks can change that. */
function isFresh(session: SessionView): boolean {
  const states = Object.values(session.tracks).map((track) => track?.state ?? "stopped");
  return mayChange(session) && !session.counts.movies && states.every((state) => state === "stopped");
}

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
      {isFresh(session) ? (
        <Note>
          Nothing runs yet. <b>Start all</b> above begins to transfer, process and classify; or start each
          track by itself.
        </Note>
      ) : null}
      <section className="tracks" aria-label="Tracks">
        {tracksOf(session).map((name) => {
          const track = byName.get(name);
          if (!track) return null;
          return (
            <Boundary key={name} what={trackLabel(session, name)}>
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
        {session.kind === "warp" ? null : (
          <Boundary what="The list of changed sources">
            <ChangedPanel session={session} />
          </Boundary>
        )}
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
