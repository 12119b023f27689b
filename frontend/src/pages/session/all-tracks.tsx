import { useState } from "react";
import { api } from "../../api/client";
import type { SessionView, TrackName } from "../../api/types";
import { TRACK_LABEL } from "../../lib/tracks";
import { Button } from "../../ui/button";
import { toast, toastError } from "../../ui/feedback";

/** A track after the control, or why it refused. */
interface Answer {
  track: TrackName;
  error?: string | null;
}

/** Start and stop all three tracks in one click. */
export function AllTracks({ session }: { session: SessionView }) {
  const [busy, setBusy] = useState("");
  const states = Object.values(session.tracks).map((track) => track?.state ?? "stopped");
  const send = async (action: "start-all" | "stop-all") => {
    setBusy(action);
    try {
      const body = action === "stop-all" ? { now: false } : {};
      const answers = await api.post<Answer[]>(`/sessions/${session.id}/tracks/${action}`, body);
      for (const { track, error } of answers) if (error) toast(`${TRACK_LABEL[track]}: ${error}`, "bad");
    } catch (error) {
      toastError(error);
    } finally {
      setBusy("");
    }
  };
  return (
    <div className="row tight">
      <Button
        small
        icon="play"
        look={states.every((state) => state === "stopped") ? "primary" : "normal"}
        busy={busy === "start-all"}
        disabled={states.every((state) => state === "running")}
        onClick={() => void send("start-all")}
      >
        Start all
      </Button>
      <Button
        small
        icon="stop"
        busy={busy === "stop-all"}
        disabled={states.every((state) => state === "stopped")}
        onClick={() => void send("stop-all")}
      >
        Stop all
      </Button>
    </div>
  );
}
