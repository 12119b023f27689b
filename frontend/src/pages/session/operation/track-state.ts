import type { SessionView, Track, TrackDetails } from "../../../api/types";
import { count, plural } from "../../../lib/format";

/** What a track does now, in words: "working on 3 movies", "waiting for movies", or why it waits. */
export function doing(track: Track, counts: SessionView["counts"]): string {
  switch (track.state) {
    case "paused":
      return track.reason;
    case "stopped":
      return track.reason;
    case "stopping":
      if (track.details?.final_pass) return "visiting every particle once more, then it stops";
      return track.reason === "restarting" ? "restarting" : "finishing what it has begun";
    case "clearing":
      return "removing its products";
    case "starting":
      return "looking where it was";
    case "running":
      return working(track, counts);
  }
}

function working({ track, details = {} }: Track, counts: SessionView["counts"]): string {
  if (track === "classify2d") return classifying(details);
  const inWork = track === "transfer" ? counts.transferring : counts.processing;
  const number = details.files?.length ?? details.working ?? inWork ?? 0;
  if (number) return `working on ${plural(number, "movie")}`;
  return `waiting for ${details.waits_for || "movies"}`;
}

function classifying(details: TrackDetails): string {
  if (details.jobs === "listening") {
    const told = details.error ? `the last job failed: ${details.error}; ` : "";
    const advice = details.advice ? `; ${details.advice}` : "";
    return `${told}listening: a job starts when there are enough new particles${advice}`;
  }
  if (details.jobs === "stopping") return "stops after the present cycle";
  if (details.jobs === "running" && details.cycles) {
    const mode = MODE_LABEL[details.mode ?? ""] ?? "a job";
    return `${mode}, cycle ${Math.min(details.cycles, (details.cycles_done ?? 0) + 1)} of ${details.cycles}`;
  }
  if (details.waits_for) return `waiting for ${details.waits_for}`;
  return details.working
    ? `classifying${details.phase ? `, ${details.phase}` : ""}`
    : "waiting for particles";
}

export const MODE_LABEL: Record<string, string> = {
  streaming: "Streaming",
  abinit: "Ab initio",
  seeded: "Seeded start-up",
  refine: "Refinement",
};

/** How far a track has come: a part of 1 and words; null where there is nothing to count. */
export function progressOf(
  track: Track,
  counts: SessionView["counts"],
): { part: number; words: string } | null {
  const { details = {} } = track;
  const movies = counts.movies ?? 0;
  if (track.track === "classify2d") {
    if (details.jobs === "running" && details.cycles) {
      const done = details.cycles_done ?? 0;
      return { part: done / details.cycles, words: `${done} of ${plural(details.cycles, "cycle")} done` };
    }
    if (!details.eligible) return null;
    const inRun = Math.min(details.in_run ?? 0, details.eligible);
    return {
      part: inRun / details.eligible,
      words: `${count(inRun)} of ${plural(details.eligible, "particle")} classified`,
    };
  }
  if (!movies) return null;
  if (track.track === "transfer") {
    const before = (counts.settling ?? 0) + (counts.waiting ?? 0) + (counts.transferring ?? 0);
    return {
      part: (movies - before) / movies,
      words: `${count(movies - before)} of ${count(movies)} delivered`,
    };
  }
  const outdated = counts.outdated ? `, ${count(counts.outdated)} outdated` : "";
  const done = counts.done ?? 0;
  return { part: done / movies, words: `${count(done)} of ${count(movies)} done${outdated}` };
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
