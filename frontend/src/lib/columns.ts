/** How values of the movie columns are shown: unit of people instead of the unit of the column. */

import type { ColumnInfo } from "../api/types";
import { clock, count, fixed, isNumber, significant } from "./format";

interface Shown {
  unit: string;
  /** Shown number = number × scale. */
  scale: number;
  digits: number;
}

const MICROMETRES = new Set(["defocus_u_a", "defocus_v_a", "defocus_mean_a"]);
const WHOLE_ANGSTROMS = new Set(["astigmatism_a", "thickness_a", "defocus_error_a"]);
const PERCENT = new Set(["class_yield", "contaminated_fraction"]);

/** Pure numbers whose digits stand below each other in a table. */
const FRACTION_DIGITS: Record<string, number> = { ctf_score: 3, ice_ring: 2 };

/** Unit, scale and digits in which a column is shown. */
export function shownAs(column: ColumnInfo): Shown {
  if (MICROMETRES.has(column.name)) return { unit: "µm", scale: 1e-4, digits: 2 };
  if (WHOLE_ANGSTROMS.has(column.name)) return { unit: "Å", scale: 1, digits: 0 };
  if (PERCENT.has(column.name)) return { unit: "%", scale: 100, digits: 0 };
  const digits = FRACTION_DIGITS[column.name];
  if (digits !== undefined) return { unit: column.unit, scale: 1, digits };
  if (column.unit === "Å") return { unit: "Å", scale: 1, digits: 1 };
  if (column.unit === "e/Å²") return { unit: "e/Å²", scale: 1, digits: 1 };
  if (column.unit === "deg") return { unit: "°", scale: 1, digits: 1 };
  if (column.unit === "s") return { unit: "s", scale: 1, digits: 1 };
  if (column.kind === "integer") return { unit: column.unit, scale: 1, digits: 0 };
  return { unit: column.unit, scale: 1, digits: -1 };
}

/** The value as text, without its unit. */
export function cell(column: ColumnInfo, value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  if (column.kind === "text") return String(value);
  if (!isNumber(value)) return "–";
  if (column.kind === "time") return clock(value);
  if (column.kind === "integer") return column.name === "settings_revision" ? String(value) : count(value);
  const { scale, digits } = shownAs(column);
  return digits < 0 ? significant(value * scale) : fixed(value * scale, digits);
}

/** The value with its unit, for tooltips and panels. */
export function cellWithUnit(column: ColumnInfo, value: unknown): string {
  const text = cell(column, value);
  const { unit } = shownAs(column);
  if (text === "–" || !unit || column.kind === "text" || column.kind === "time") return text;
  return unit === "%" || unit === "°" ? `${text}${unit}` : `${text} ${unit}`;
}

/** "Defocus (µm)". */
export function heading(column: ColumnInfo): string {
  const { unit } = shownAs(column);
  return unit ? `${column.label} (${unit})` : column.label;
}
