import type { LogLine } from "../../../api/types";

export const LEVELS = ["trace", "debug", "info", "warning", "error"] as const;

const SHOWN = new Set(["offset", "time", "level", "message", "stage", "movie", "track"]);

/** What else was logged, as `name=value`. */
export function moreFields(line: LogLine): string {
  return Object.entries(line)
    .filter(([name, value]) => !SHOWN.has(name) && value !== null && value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join(" ");
}

/** Time of a line in seconds since 1970; null where a crash cut it off. */
export function lineTime(line: LogLine): number | null {
  const parsed = Date.parse(line.time ?? "");
  return Number.isFinite(parsed) ? parsed / 1000 : null;
}
