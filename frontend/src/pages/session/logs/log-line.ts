import type { LogLine } from "../../../api/types";

export const LEVELS = ["trace", "debug", "info", "warning", "error"] as const;

const SHOWN = new Set(["offset", "time", "level", "message", "stage", "movie", "track"]);

/** What else was logged, as `name=value`. */
export function moreFields(line: LogLine): string {
  return Object.entries(line)
    .filter(([name, value]) => !SHOWN.has(name) && value !== null && value !== undefined)
    .map(([name, value]) => `${name}=${said(value)}`)
    .join(" ");
}

/** A value as a person reads it: digits that say nothing are left out (2.538, not 2.5380000000000003). */
function said(value: unknown): string {
  if (typeof value === "number" && !Number.isInteger(value)) return String(Number(value.toPrecision(5)));
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Time of a line in seconds since 1970; null where a crash cut it off. */
export function lineTime(line: LogLine): number | null {
  const parsed = Date.parse(line.time ?? "");
  return Number.isFinite(parsed) ? parsed / 1000 : null;
}
