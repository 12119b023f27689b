/** Settings as a person types them, and as the server takes them. */

import type { SettingInfo, SettingValue, Values } from "../api/types";
import { isNumber } from "../lib/format";

/** What stands in a field: text, or a tick. */
export type Typed = string | boolean;

/** What is staged: by name of the setting. */
export type Staged = Readonly<Record<string, Typed>>;

export type Parsed = { value: SettingValue } | { error: string };

/** The value as it stands in its field; empty for "auto". */
export function typedOf(info: SettingInfo, value: SettingValue | undefined): Typed {
  const given = value === undefined ? info.default : value;
  if (info.kind === "bool") return given === true;
  if (given === null) return "";
  if (Array.isArray(given)) return given.join(" ");
  return String(given);
}

/** Read a field; the error says what may be given. */
export function parse(info: SettingInfo, typed: Typed): Parsed {
  if (typeof typed === "boolean") return { value: typed };
  const text = typed.trim();
  if (info.kind === "list") return { value: text ? text.split(/[\s,]+/) : [] };
  if (text === "" || text.toLowerCase() === "auto") {
    if (info.automatic) return { value: null };
    if (info.kind === "str") return { value: text };
    return { error: `Needs ${allowed(info)}.` };
  }
  if (info.kind === "str") return { value: text };
  const number = Number(text.replace(",", "."));
  const wrong =
    !isNumber(number) ||
    (info.kind === "int" && !Number.isInteger(number)) ||
    (info.low !== null && number < info.low) ||
    (info.high !== null && number > info.high);
  return wrong ? { error: `Must be ${allowed(info)}.` } : { value: number };
}

/** What may be given, in words. */
export function allowed(info: SettingInfo): string {
  if (info.choices.length) return `one of ${info.choices.join(", ")}`;
  const what = info.kind === "int" ? "a whole number" : info.kind === "float" ? "a number" : "text";
  const unit = info.unit ? ` ${info.unit}` : "";
  if (info.low !== null && info.high !== null) return `${what} from ${info.low} to ${info.high}${unit}`;
  if (info.low !== null) return `${what} of at least ${info.low}${unit}`;
  return `${what}${unit}`;
}

/** A value as text for people: "auto", "none", "not given", "on", "1.5 Å". */
export function shown(info: SettingInfo, value: SettingValue | undefined): string {
  const given = value === undefined ? info.default : value;
  if (given === null) {
    if (info.required) return "not given";
    // Of a path it means none.
    return !info.automatic ? "–" : info.kind === "str" ? "none" : "auto";
  }
  if (typeof given === "boolean") return given ? "on" : "off";
  if (Array.isArray(given)) return given.join(" ") || "–";
  return info.unit ? `${given} ${info.unit}` : String(given) || "–";
}

export function same(a: SettingValue | undefined, b: SettingValue | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What is staged and differs from what is saved, with what can't be read. */
export function changesOf(
  schema: readonly SettingInfo[],
  saved: Values,
  staged: Staged,
): { values: Values; errors: Record<string, string> } {
  const values: Values = {};
  const errors: Record<string, string> = {};
  for (const info of schema) {
    const typed = staged[info.name];
    if (typed === undefined) continue;
    const read = parse(info, typed);
    if ("error" in read) errors[info.name] = read.error;
    else if (!same(read.value, saved[info.name] ?? info.default)) values[info.name] = read.value;
  }
  return { values, errors };
}

/** The values as they would be: saved ones with what is staged over them. */
export function merged(schema: readonly SettingInfo[], saved: Values, staged: Staged): Values {
  const result: Values = { ...saved };
  for (const info of schema) result[info.name] = saved[info.name] ?? info.default;
  return { ...result, ...changesOf(schema, saved, staged).values };
}
