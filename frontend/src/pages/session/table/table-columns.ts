import type { ColumnInfo } from "../../../api/types";

/** What is shown as long as nobody chose. */
export const DEFAULT_COLUMNS = [
  "name",
  "state",
  "done_at",
  "defocus_mean_a",
  "astigmatism_a",
  "ctf_resolution_a",
  "ctf_score",
  "motion_total_a",
  "motion_early_a",
  "ice_ring",
  "particles",
  "class_yield",
  "override",
];

const WIDTHS: Record<string, number> = {
  name: 240,
  path: 300,
  reason: 320,
  state: 132,
  grid_square: 140,
  foil_hole: 120,
  override: 92,
};

/** Columns of the address; the usual ones, in the order in which they are looked at, if it names none. */
export function chosenColumns(all: readonly ColumnInfo[], text: string): ColumnInfo[] {
  const wanted = new Set(text.split(","));
  const chosen = all.filter((column) => wanted.has(column.name));
  if (chosen.length) return chosen;
  return DEFAULT_COLUMNS.flatMap((name) => all.filter((column) => column.name === name));
}

/** As it stands in the address: nothing for the usual ones. */
export function columnsText(names: readonly string[]): string {
  const usual =
    names.length === DEFAULT_COLUMNS.length && names.every((name) => DEFAULT_COLUMNS.includes(name));
  return usual ? "" : names.join(",");
}

export function widthOf(column: ColumnInfo): number {
  const known = WIDTHS[column.name];
  if (known) return known;
  if (column.kind === "time") return 158;
  return column.kind === "text" ? 140 : 104;
}
