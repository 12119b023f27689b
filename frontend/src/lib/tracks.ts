import type { SessionView, TrackName } from "../api/types";
import { mayChange } from "./me";

export const TRACKS: readonly TrackName[] = ["transfer", "preprocess", "classify2d"];

export const TRACK_LABEL: Record<TrackName, string> = {
  transfer: "File transfer",
  preprocess: "Pre-processing",
  classify2d: "2D classification",
};

/** Tracks that a session has: one on a Warp folder has no file transfer. */
export function tracksOf(session: Pick<SessionView, "kind">): readonly TrackName[] {
  return session.kind === "warp" ? TRACKS.filter((track) => track !== "transfer") : TRACKS;
}

/** What a track of a session is called: pre-processing of one on a Warp folder is to follow Warp. */
export function trackLabel(session: Pick<SessionView, "kind">, track: TrackName): string {
  return session.kind === "warp" && track === "preprocess" ? "Follow Warp" : TRACK_LABEL[track];
}

/** What keeps a session empty: a track that would fill it stands still. With a space before, or nothing. */
export function startHint(
  session: Pick<SessionView, "tracks" | "counts" | "role" | "life" | "kind">,
): string {
  if (!mayChange(session)) return "";
  const stopped = (track: TrackName) => (session.tracks[track]?.state ?? "stopped") === "stopped";
  if (session.kind === "warp") {
    return session.counts.done || !stopped("preprocess")
      ? ""
      : " Follow Warp is stopped: start it on the Operation tab, or press Start all above.";
  }
  if (!session.counts.movies && stopped("transfer")) {
    return " File transfer is stopped: start it on the Operation tab, or press Start all above.";
  }
  if (!session.counts.done && stopped("preprocess")) {
    return " Pre-processing is stopped: start it on the Operation tab, or press Start all above.";
  }
  return "";
}
