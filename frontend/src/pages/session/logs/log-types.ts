export interface LogLine {
  offset: number;
  time?: string | number;
  level: string;
  message: string;
  stage?: string;
  movie?: string;
  [field: string]: unknown;
}

export interface LogPart {
  lines: LogLine[];
  start: number;
  end: number;
  size: number;
}

export const LEVELS = ["trace", "debug", "info", "warning", "error"] as const;

const KNOWN = new Set(["offset", "time", "level", "message", "stage", "movie", "track"]);

/** What else was logged, as `name=value`. */
export function moreFields(line: LogLine): string {
  return Object.entries(line)
    .filter(([name, value]) => !KNOWN.has(name) && value !== null && value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join(" ");
}

/** Time of a line in seconds since 1970, however it was written. */
export function lineTime(line: LogLine): number | null {
  if (typeof line.time === "number") return line.time;
  const parsed = typeof line.time === "string" ? Date.parse(line.time) : Number.NaN;
  return Number.isFinite(parsed) ? parsed / 1000 : null;
}
