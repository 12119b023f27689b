import type { SessionView, Track } from "../../../api/types";

/** What a track does now, in words: "working on 3 movies", "waiting for movies", or why it waits. */
export function doing(track: Track, counts: SessionView["counts"]): string {
  switch (track.state) {
    case "paused":
      return track.reason;
    case "stopped":
      return track.reason;
    case "stopping":
      return track.reason === "restarting" ? "restarting" : "finishing what it has begun";
    case "clearing":
      return "removing its products";
    case "starting":
      return "looking where it was";
    case "running":
      return working(track, counts);
  }
}

function working({ track, details }: Track, counts: SessionView["counts"]): string {
  const inWork = track === "transfer" ? counts.transferring : track === "preprocess" ? counts.processing : 0;
  const count = details?.working ?? inWork;
  if (count) return `working on ${count === 1 ? "1 movie" : `${count} movies`}`;
  if (details?.waits_for) return `waiting for ${details.waits_for}`;
  if (track === "classify2d") return details?.schedule ?? "waiting for particles";
  return "waiting for movies";
}

/** Which controls make sense in a state. */
export function controls(state: Track["state"]) {
  return {
    start: state === "stopped" || state === "paused",
    stop: state !== "stopped" && state !== "clearing",
    stopNow: state === "stopping",
    restart: state === "stopped" || state === "running" || state === "paused",
    clear: state === "stopped" || state === "running" || state === "paused",
  };
}
