/** Classes of an entry of the history: order, choice, what they add up to. */

import type { WholeClassUpdate } from "../../../api/types";
import { isNumber } from "../../../lib/format";

export interface ClassInfo {
  id: number;
  particles: number;
  resolutionA: number | null;
  quality: number | null;
  /** The classifier would keep it; undefined where it didn't judge. */
  selected: boolean | undefined;
  /** What holds in the session: the threshold, and what was decided by hand. */
  kept: boolean;
  choice: "keep" | "reject" | "auto";
  /** Lives on from update to update. */
  lasts: boolean;
  reasons: readonly string[];
}

/** The classes of an entry as the page needs them. */
export function classesOf(update: WholeClassUpdate): ClassInfo[] {
  return update.summary.classes.map((item) => ({
    id: item.class_id,
    particles: item.particles,
    resolutionA: item.resolution_a ?? null,
    quality: isNumber(item.quality) ? item.quality : null,
    selected: item.selected,
    kept: item.kept,
    choice: item.choice,
    lasts: Boolean(item.stable_id),
    reasons: Array.isArray(item.reasons) ? item.reasons.map(String) : [],
  }));
}

export type Order = "population" | "quality" | "resolution" | "number";

export const ORDERS: readonly (readonly [Order, string])[] = [
  ["population", "by population"],
  ["quality", "by quality"],
  ["resolution", "by resolution"],
  ["number", "by number"],
];

function rank(item: ClassInfo, order: Order): number {
  if (order === "population") return -item.particles;
  if (order === "quality") return -(item.quality ?? Number.NEGATIVE_INFINITY);
  if (order === "resolution") return item.resolutionA ?? Number.POSITIVE_INFINITY;
  return item.id;
}

/** Numbers of the classes in an order, empty ones last. */
export function sorted(classes: readonly ClassInfo[], order: Order): number[] {
  const items = [...classes];
  items.sort((a, b) => {
    if (order !== "number" && !a.particles !== !b.particles) return a.particles ? -1 : 1;
    return rank(a, order) - rank(b, order) || a.id - b.id;
  });
  return items.map((item) => item.id);
}

/** The order as it was: classes that went leave, those that came stand at the end. */
export function steady(before: readonly number[], now: readonly number[]): number[] {
  const present = new Set(now);
  const known = new Set(before);
  return [...before.filter((id) => present.has(id)), ...now.filter((id) => !known.has(id))];
}

export interface Least {
  particles: number | null;
  resolutionA: number | null;
  quality: number | null;
}

/** Classes that have at least what is asked for. */
export function passing(classes: readonly ClassInfo[], least: Least): number[] {
  return classes
    .filter(({ particles, resolutionA, quality }) => {
      if (!particles) return false;
      if (least.particles !== null && particles < least.particles) return false;
      if (least.resolutionA !== null && (resolutionA === null || resolutionA > least.resolutionA))
        return false;
      return least.quality === null || (quality !== null && quality >= least.quality);
    })
    .map(({ id }) => id);
}

/** What the classifier would keep. */
export function automatic(classes: readonly ClassInfo[]): number[] {
  return classes.filter((item) => item.particles > 0 && item.selected).map((item) => item.id);
}

/** What the session keeps now. */
export function kept(classes: readonly ClassInfo[]): number[] {
  return classes.filter((item) => item.particles > 0 && item.kept).map((item) => item.id);
}

/** What has to be decided by hand so that just these are kept. */
export function choicesFor(
  classes: readonly ClassInfo[],
  chosen: ReadonlySet<number>,
): Record<string, ClassInfo["choice"]> {
  const lasting = classes.filter((item) => item.particles > 0 && item.lasts);
  return Object.fromEntries(
    lasting.map((item) => {
      const wanted = chosen.has(item.id);
      return [item.id, wanted === (item.selected ?? false) ? "auto" : wanted ? "keep" : "reject"];
    }),
  );
}

/** Particles of some of the classes, and of all. */
export function totals(
  classes: readonly ClassInfo[],
  chosen: ReadonlySet<number>,
): { chosen: number; all: number } {
  let [some, all] = [0, 0];
  for (const { id, particles } of classes) {
    all += particles;
    if (chosen.has(id)) some += particles;
  }
  return { chosen: some, all };
}

/** Tiles of the picture of all averages in a row; the server makes it so. */
export const SHEET_COLUMNS = 10;

/** Where a class stands in the picture of all averages, as a background: size and position in percent. */
export function sheetPlace(id: number, count: number): { size: string; position: string } {
  const rows = Math.max(1, Math.ceil(count / SHEET_COLUMNS));
  const [row, column] = [Math.floor((id - 1) / SHEET_COLUMNS), (id - 1) % SHEET_COLUMNS];
  const y = rows > 1 ? (row / (rows - 1)) * 100 : 0;
  return {
    size: `${SHEET_COLUMNS * 100}% ${rows * 100}%`,
    position: `${(column / (SHEET_COLUMNS - 1)) * 100}% ${y}%`,
  };
}
