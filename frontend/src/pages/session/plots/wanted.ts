/** Which columns the plots need: known before anything of the plots is loaded, so that they can be asked for at once. */

import type { Filter } from "../../../lib/filters";

/** What is plotted unless somebody asks for all. */
export const USUAL = [
  "defocus_mean_a",
  "ctf_resolution_a",
  "ctf_score",
  "astigmatism_a",
  "motion_total_a",
  "motion_early_a",
  "motion_late_a",
  "ice_ring",
  "particles",
  "intensity_e_per_px",
  "class_yield",
];

/** So many of them fit into a large window. */
const IN_SIGHT = 8;

/** Columns that the filter judges by, and those of the horizontal axis. */
export function columnsOf(filter: Filter, xAxis: string): string[] {
  const used = Object.keys(filter.ranges);
  if (filter.text) used.push("name");
  if (filter.states.length) used.push("state");
  if (filter.squares.length) used.push("grid_square");
  if (filter.holes.length) used.push("foil_hole");
  if (filter.groups.length) used.push("optics_group");
  return ["override", ...used, ...(xAxis === "time" ? ["acquired_at", "found_at"] : [])];
}

/** Columns of what is seen first. */
export function columnsAtFirst(filter: Filter, xAxis: string): string[] {
  return [...columnsOf(filter, xAxis), ...USUAL.slice(0, IN_SIGHT)];
}
