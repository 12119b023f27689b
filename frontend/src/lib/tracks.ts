import type { SessionView, TrackName } from "../api/types";
import { mayChange } from "./me";

export const TRACKS: readonly TrackName[] = ["transfer", "preprocess", "classify2d"];

export const TRACK_LABEL: Record<TrackName, string> = {
  transfer: "File transfer",
  preprocess: "Pre-processing",
  classify2d: "2D classification",
};

/** What keeps a session empty: a track that would fill it stands still. With a space before, or nothing. */
export function startHint(session: Pick<SessionView, "tracks" | "counts" | "role" | "life">): string {
  if (!mayChange(session)) return "";
  const stopped = (track: TrackName) => (session.tracks[track]?.state ?? "stopped") === "stopped";
  if (!session.counts.movies && stopped("transfer")) {
    return " File transfer is stopped: start it on the Operation tab, or press Start all above.";
  }
  if (!session.counts.done && stopped("preprocess")) {
    return " Pre-processing is stopped: start it on the Operation tab, or press Start all above.";
  }
  return "";
}
