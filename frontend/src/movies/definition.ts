/** A filter as the server keeps it, and as the page shows it. */

import type { components } from "../api/schema";
import { type Filter, isEmpty, NO_FILTER, type Range } from "../lib/filters";

export type Definition = components["schemas"]["MovieFilter"];
export type NamedFilter = components["schemas"]["NamedFilter"];

/** What is sent to be saved or applied. */
export function toDefinition(filter: Filter): Definition {
  const ranges = Object.entries(filter.ranges).map(([column, [low, high]]) => [column, { low, high }]);
  return {
    ranges: Object.fromEntries(ranges),
    text: filter.text,
    states: filter.states,
    grid_squares: filter.squares,
    foil_holes: filter.holes,
    optics_groups: filter.groups,
    negate: filter.negate,
    keep_missing: filter.keepMissing,
  };
}

/** A saved filter, under its name. */
export function fromDefinition(name: string, saved: Definition): Filter {
  const ranges: Record<string, Range> = {};
  for (const [column, { low, high }] of Object.entries(saved.ranges ?? {})) {
    ranges[column] = [low ?? null, high ?? null];
  }
  return {
    ...NO_FILTER,
    ranges,
    text: saved.text ?? "",
    states: [...(saved.states ?? [])],
    squares: [...(saved.grid_squares ?? [])],
    holes: [...(saved.foil_holes ?? [])],
    groups: [...(saved.optics_groups ?? [])],
    negate: saved.negate ?? false,
    keepMissing: saved.keep_missing ?? false,
    name,
  };
}

/** The filter as a parameter of a request; nothing where it keeps everything that was not excluded. */
export function whereText(filter: Filter): string | undefined {
  if (isEmpty(filter)) return undefined;
  const all = toDefinition(filter);
  const said = Object.entries(all).filter(([, value]) => {
    if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
    return Boolean(value);
  });
  return JSON.stringify(Object.fromEntries(said));
}

/** Whether two filters say the same, whatever they are called. */
export function saysTheSame(a: Filter, b: Filter): boolean {
  const text = (filter: Filter) => {
    const said = toDefinition(filter);
    const ranges = Object.entries(said.ranges ?? {}).sort(([x], [y]) => (x < y ? -1 : 1));
    return JSON.stringify({ ...said, ranges });
  };
  return text(a) === text(b);
}
