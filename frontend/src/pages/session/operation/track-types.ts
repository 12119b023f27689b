import type { Track } from "../../../api/types";

/** What a track says of itself while it runs; each track says what it knows. */
export interface TrackDetails {
  working?: number;
  movies?: string[];
  waits_for?: string;
  failures?: string;
  bytes_per_s?: number;
  [more: string]: unknown;
}

export interface ClearPreview {
  /** What goes and what stays, with counts and bytes. */
  goes: { what: string; count: number; bytes: number }[];
  stays: { what: string; count: number; bytes: number }[];
}

/** "working on 3", "waiting for movies", or why it waits. */
export function doing(track: Track): string {
  const details = track.details as TrackDetails;
  if (track.state === "paused") return track.reason;
  if (track.state === "stopping")
    return track.reason === "restarting" ? "restarting" : "finishing what it has begun";
  if (track.state === "clearing") return "removing its products";
  if (track.state === "starting") return "looking where it was";
  if (track.state === "stopped") return track.reason || "stopped";
  if (details.working) return `working on ${details.working}`;
  return details.waits_for ? `waiting for ${details.waits_for}` : "idle";
}

/** Which controls make sense in a state. */
export function controls(state: Track["state"]) {
  return {
    start: state === "stopped" || state === "paused",
    stop: state !== "stopped" && state !== "clearing",
    restart: state !== "stopping" && state !== "clearing" && state !== "starting",
    clear: state === "stopped" || state === "running" || state === "paused",
    stopNow: state === "stopping",
  };
}
