/** Ranges of the filter, between the unit of the column and the unit of people. */

import type { ColumnInfo } from "../../../api/types";
import { heading, shownAs } from "../../../lib/columns";
import type { Filter, Range } from "../../../lib/filters";
import type { Limit } from "./threshold";

export function toShown(column: ColumnInfo, range: Range): Range {
  const { scale } = shownAs(column);
  return range.map((bound) => (bound === null ? null : bound * scale)) as Range;
}

/** Rounded to what a hand on a mouse can mean. */
export function fromShown(column: ColumnInfo, range: Range): Range {
  const { scale } = shownAs(column);
  const digits = column.kind === "time" ? 12 : 4;
  return range.map((bound) => (bound === null ? null : Number((bound / scale).toPrecision(digits)))) as Range;
}

export type SetRange = (column: string, range: Range) => void;

/** Lines for the range of a column, where there is one. */
export function limitsOf(column: ColumnInfo, filter: Filter, axis: "x" | "y", set: SetRange): Limit[] {
  const range = filter.ranges[column.name];
  if (!range) return [];
  return [
    {
      axis,
      range: toShown(column, range),
      name: heading(column),
      onChange: (next) => set(column.name, fromShown(column, next)),
    },
  ];
}
