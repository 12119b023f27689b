/** Curves of the history of 2D classes: what tells whether the classes still change. */

import type { ClassUpdate } from "../../../api/types";
import { isNumber } from "../../../lib/format";

export interface Curve {
  name: string;
  label: string;
  colour: string;
  /** By update; null where nothing is known. */
  values: (number | null)[];
  /** The axis begins at 0. */
  fromZero: boolean;
}

const KINDS: readonly (readonly [
  name: string,
  label: string,
  colour: string,
  fromZero: boolean,
  value: (update: ClassUpdate) => number | null | undefined,
])[] = [
  ["evidence", "Mean log-evidence (over noise)", "good", false, (update) => update.mean_log_evidence],
  [
    "moved",
    "Particles that moved to another class (%)",
    "warn",
    true,
    ({ moved_share: share }) => (isNumber(share) ? 100 * share : null),
  ],
  ["resolution", "Resolution, median of the classes (Å)", "accent", true, (u) => u.median_resolution_a],
  ["limit", "Resolution limit (Å)", "muted", true, (update) => update.limit_a],
  ["particles", "Particles", "accent", true, (update) => update.particles],
  [
    "good",
    "Particles in good classes (%)",
    "good",
    true,
    ({ good_share: share }) => (isNumber(share) ? 100 * share : null),
  ],
];

/** Those of which at least two points are known. */
export function curvesOf(updates: readonly ClassUpdate[]): Curve[] {
  return KINDS.map(([name, label, colour, fromZero, value]) => ({
    name,
    label,
    colour,
    fromZero,
    values: updates.map((update) => value(update) ?? null),
  })).filter(({ values }) => values.filter(isNumber).length > 1);
}

/** Numbers of the updates with which another run began: what is before and after can't be compared. */
export function runStarts(updates: readonly ClassUpdate[]): number[] {
  return updates.flatMap((update, place) =>
    place > 0 && update.run !== updates[place - 1]?.run ? [update.number] : [],
  );
}

/** Range of an axis: from 0, or with some air around what there is. */
export function rangeOf(low: number, high: number, fromZero: boolean): [number, number] {
  if (fromZero) return [0, Math.max(1e-6, high * 1.08)];
  const air = Math.max(1e-6, 0.08 * (high - low));
  return [low - air, high + air];
}
