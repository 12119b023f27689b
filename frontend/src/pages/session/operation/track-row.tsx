import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { SessionView, Track } from "../../../api/types";
import { ago } from "../../../lib/format";
import { mayChange } from "../../../lib/me";
import { useNow } from "../../../lib/now";
import { trackLabel } from "../../../lib/tracks";
import { Button } from "../../../ui/button";
import { Progress, toast, toastError } from "../../../ui/feedback";
import { Icon } from "../../../ui/icon";
import { Link } from "../../../ui/link";
import { StateBadge } from "../../../ui/state";
import { ClearDialog } from "./clear-dialog";
import { LastError } from "./last-error";
import { RestartDialog } from "./restart-dialog";
import { TrackPace } from "./track-pace";
import { controls, doing, progressOf } from "./track-state";
import type { Hour } from "./use-hour";

interface TrackRowProps {
  session: SessionView;
  track: Track;
  hour: Hour | undefined;
  /** More of this track, below its row. */
  children?: ReactNode;
}

/** One track: what it does, how fast, and its controls. */
export function TrackRow({ session, track, hour, children }: TrackRowProps) {
  const now = useNow(5);
  const label = trackLabel(session, track.track);
  const { details } = track;
  const progress = progressOf(track, session.counts);
  return (
    <article className="panel track" aria-label={label}>
      <div className="track-name">
        <h2>{label}</h2>
        <div className="row tight">
          <StateBadge state={track.state} />
          <span className="small muted nowrap">{track.since ? ago(track.since, now) : ""}</span>
        </div>
      </div>
      <div className="track-doing">
        <p className={track.state === "paused" ? "track-reason breakable" : "breakable"}>
          {doing(track, session.counts)}
        </p>
        {details?.failures ? <p className="track-reason small">{details.failures}</p> : null}
        {progress ? (
          <>
            <Progress value={progress.part} label={`Progress of ${label}`} />
            <p className="small muted number">{progress.words}</p>
          </>
        ) : null}
      </div>
      <div className="track-rate">
        <TrackPace session={session.id} track={track} label={label} hour={hour} />
      </div>
      <Controls session={session} track={track} />
      <LastError session={session.id} track={track.track} now={now} />
      {children ? <div className="track-more">{children}</div> : null}
    </article>
  );
}

function Controls({ session, track }: { session: SessionView; track: Track }) {
  const client = useQueryClient();
  const [busy, setBusy] = useState("");
  const [dialog, setDialog] = useState<"clear" | "restart" | null>(null);
  const may = controls(track.state);
  const allowed = mayChange(session);
  const label = trackLabel(session, track.track);
  const send = async (action: string, body: object = {}) => {
    setBusy(action);
    try {
      await api.post(`/sessions/${session.id}/tracks/${track.track}/${action}`, body);
      await client.invalidateQueries({ queryKey: keys.part(session.id, "tracks") });
    } catch (error) {
      toastError(error);
    } finally {
      setBusy("");
    }
  };
  const logs = (
    <Link
      className="button"
      to={`/sessions/${session.id}/logs?track=${track.track}`}
      aria-label={`Logs of ${label}`}
    >
      <Icon name="list" />
      Logs
    </Link>
  );
  if (!allowed) return <div className="track-controls">{logs}</div>;
  return (
    <div className="track-controls">
      <Button
        icon="play"
        look={may.start ? "primary" : "normal"}
        disabled={!may.start}
        busy={busy === "start"}
        aria-label={`Start ${label}`}
        onClick={() => void send("start")}
      >
        Start
      </Button>
      <Button
        icon="stop"
        disabled={!may.stop}
        busy={busy === "stop"}
        aria-label={`${may.stopNow ? "Stop now:" : "Stop"} ${label}`}
        onClick={() => void send("stop", { now: may.stopNow })}
      >
        {may.stopNow ? "Stop now" : "Stop"}
      </Button>
      <Button
        icon="restart"
        disabled={!may.restart}
        aria-label={`Restart ${label}`}
        onClick={() => setDialog("restart")}
      >
        Restart
      </Button>
      <Button
        icon="clear"
        disabled={!may.clear}
        aria-label={`Clear ${label}`}
        onClick={() => setDialog("clear")}
      >
        Clear
      </Button>
      {logs}
      {dialog === "clear" ? (
        <ClearDialog session={session} track={track} onClose={() => setDialog(null)} />
      ) : null}
      {dialog === "restart" ? (
        <RestartDialog
          session={session}
          track={track}
          onClose={() => setDialog(null)}
          onRestart={() => {
            setDialog(null);
            void send("restart").then(() => toast(`${label} is restarting`));
          }}
        />
      ) : null}
    </div>
  );
}
