/** Numbers as an expert would say them: 3.6 Å, 1.42 µm, 38 e/Å², 1,204 movies, 40 s ago. */

import { serverNow } from "./server-clock";

const MISSING = "–";

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** 1,204; a dash where there is nothing. */
export function count(value: number | null | undefined): string {
  return isNumber(value) ? grouped.format(Math.round(value)) : MISSING;
}

/** 214,330 up to a million, then 1.24 M. */
export function shortCount(value: number | null | undefined): string {
  if (!isNumber(value)) return MISSING;
  if (Math.abs(value) < 1e6) return count(value);
  return `${(value / 1e6).toFixed(2)} M`;
}

/** "1 movie", "3 movies". */
export function plural(value: number | null | undefined, one: string, many = `${one}s`): string {
  return `${count(value)} ${noun(value, one, many)}`;
}

/** "movie" after a 1, "movies" after any other number: where the number stands apart. */
export function noun(value: number | null | undefined, one: string, many = `${one}s`): string {
  return value === 1 ? one : many;
}

/** A number with so many significant digits that the last one means something. */
export function significant(value: number | null | undefined, digits = 3): string {
  if (!isNumber(value)) return MISSING;
  if (value === 0) return "0";
  // Rounded first: 999.6 is 1,000, with one digit more.
  const size = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(digits)))));
  if (size >= 6 || size < -4) return value.toExponential(digits - 1);
  if (size >= digits) return count(value);
  return value.toFixed(Math.max(0, digits - 1 - size));
}

export function fixed(value: number | null | undefined, digits: number): string {
  return isNumber(value) ? value.toFixed(digits) : MISSING;
}

/** 850 B, 12.4 MB, 1.31 TB: powers of ten, as disks are sold and as `df -H` says. */
export function bytes(value: number | null | undefined): string {
  if (!isNumber(value)) return MISSING;
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let size = value;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(size) : significant(size)} ${units[unit]}`;
}

/** 40 s, 12 min, 3.5 h, 2.1 days. */
export function duration(seconds: number | null | undefined): string {
  if (!isNumber(seconds)) return MISSING;
  const size = Math.abs(seconds);
  if (size < 9.95) return `${size < 0.05 ? 0 : Number(seconds.toFixed(1))} s`;
  if (size < 99.5) return `${Math.round(seconds)} s`;
  if (size < 99.5 * 60) return `${Math.round(seconds / 60)} min`;
  if (size < 47.5 * 3600) return `${Number((seconds / 3600).toFixed(size < 36000 ? 1 : 0))} h`;
  return `${Number((seconds / 86400).toFixed(1))} days`;
}

/** "40 s ago", "just now"; the future, from a wrong clock, is "just now" too. */
export function ago(time: number | null | undefined, now: number): string {
  if (!isNumber(time)) return MISSING;
  const age = now - time;
  return age < 3 ? "just now" : `${duration(Math.floor(age))} ago`;
}

/** Time of day; with the date unless it is today. */
export function clock(time: number | null | undefined, now: number = serverNow()): string {
  if (!isNumber(time)) return MISSING;
  const date = new Date(time * 1000);
  const hour = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const sameDay = new Date(now * 1000).toDateString() === date.toDateString();
  return sameDay ? hour : `${day(date)} ${hour}`;
}

/** Date and time to the second, for logs and tooltips. */
export function fullTime(time: number | null | undefined): string {
  if (!isNumber(time)) return MISSING;
  const date = new Date(time * 1000);
  return `${day(date)} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function day(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

export function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
