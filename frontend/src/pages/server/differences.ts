import { fullTime, isNumber } from "../../lib/format";

/** Before and after of a change, in words: "state: stopped → running". */
export function differences(before: unknown, after: unknown): string {
  const old = isRecord(before) ? before : {};
  const now = isRecord(after) ? after : {};
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  return names
    .map((name) => {
      const [a, b] = [text(name, old[name]), text(name, now[name])];
      if (!(name in old) || a === b) return `${name}: ${b}`;
      return name in now ? `${name}: ${a} → ${b}` : `${name}: ${a}`;
    })
    .join(", ");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(name: string, value: unknown): string {
  if (name.endsWith("_at") && isNumber(value)) return fullTime(value);
  if (value === null || value === undefined || value === "") return "–";
  if (Array.isArray(value)) return value.join(" ") || "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
