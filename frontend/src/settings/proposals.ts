/** What the microscope's side files say about a folder of movies, as proposals for the form. */

import type { SettingInfo, SettingValue, SourceMetadata, Values } from "../api/types";
import { isNumber } from "../lib/format";
import { parse, type Staged, same, type Typed, typedOf } from "./values";

export interface Proposal {
  info: SettingInfo;
  value: SettingValue;
  /** As it stands in its field. */
  typed: Typed;
  /**
   * "free": nobody has said anything else; "taken": it stands on the form; "other": somebody typed or saved
   * something else, which is only replaced on demand.
   */
  state: "free" | "taken" | "other";
}

/** Proposals in the order of the form; names that the form doesn't have are left out. */
export function proposals(
  schema: readonly SettingInfo[],
  saved: Values,
  staged: Staged,
  told: SourceMetadata,
): Proposal[] {
  return schema.flatMap((info) => {
    const value = told.values[info.name];
    if (!isValue(value)) return [];
    const typed = typedOf(info, value);
    return [{ info, value, typed, state: stateOf(info, saved[info.name], staged[info.name], value) }];
  });
}

/** What one button takes over: never anything that a person has typed or saved. */
export function freeOnes(found: readonly Proposal[]): Proposal[] {
  return found.filter(({ state }) => state === "free");
}

function stateOf(
  info: SettingInfo,
  saved: SettingValue | undefined,
  typed: Typed | undefined,
  value: SettingValue,
): Proposal["state"] {
  const before = saved ?? info.default;
  const isEmpty = typeof typed === "string" && typed.trim() === "";
  if (typed === undefined || isEmpty) {
    if (typed === undefined && same(before, value)) return "taken";
    return isEmpty || same(before, info.default) ? "free" : "other";
  }
  const read = parse(info, typed);
  return "value" in read && same(read.value, value) ? "taken" : "other";
}

function isValue(value: unknown): value is SettingValue {
  return isNumber(value) || typeof value === "boolean" || (typeof value === "string" && value !== "");
}

/** "EPU, GridSquare_1/a.xml": where a value comes from. */
export function sourceText(told: SourceMetadata): string {
  const file = told.side_file?.split("/").slice(-1)[0] ?? "";
  return [told.source, file].filter(Boolean).join(", ");
}
