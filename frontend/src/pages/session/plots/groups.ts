/** Movies gathered by where they were taken or how: what each grid square, hole or defocus yields. */

import { isNumber } from "../../../lib/format";
import type { Value } from "../../../movies/use-series";

export const GROUPINGS = {
  grid_square: "Grid square",
  shot: "Hole position",
  optics_group: "Optics group",
  defocus_mean_a: "Defocus",
} as const;

export type Grouping = keyof typeof GROUPINGS;

/** Columns that are summed up. */
export const MEASURED = [
  "state",
  "particles",
  "particles_classified",
  "particles_good",
  "ctf_resolution_a",
] as const;

export interface Group {
  /** As the column has it; of defocus, the lower end of its bin in Å. */
  key: string;
  name: string;
  movies: number;
  /** Movies that the filter keeps. */
  kept: number;
  particles: number;
  /** Per movie that has any number; null where none has. */
  particlesPerMovie: number | null;
  /** Particles in good classes ÷ classified particles; null where none was classified. */
  classYield: number | null;
  resolutionMedianA: number | null;
}

const BIN_A = 2500;

/** Gather movies that were processed, those of all groups that are known; by name, numbers by size. */
export function gather(
  grouping: Grouping,
  columns: Readonly<Record<string, readonly Value[]>>,
  kept: readonly boolean[],
): Group[] {
  const places = new Map<string, number[]>();
  for (const [place, value] of (columns[grouping] ?? []).entries()) {
    const key = keyOf(grouping, value);
    if (key === null || (columns.particles?.[place] ?? null) === null) continue;
    const own = places.get(key);
    if (own) own.push(place);
    else places.set(key, [place]);
  }
  const groups = [...places].map(([key, own]) => summed(grouping, key, own, columns, kept));
  return groups.sort((a, b) => a.key.localeCompare(b.key, "en", { numeric: true }));
}

function keyOf(grouping: Grouping, value: Value | undefined): string | null {
  if (value === null || value === undefined || value === "") return null;
  if (grouping !== "defocus_mean_a") return String(value);
  return isNumber(value) ? String(Math.floor(value / BIN_A) * BIN_A) : null;
}

function nameOf(grouping: Grouping, key: string): string {
  if (grouping !== "defocus_mean_a") return key;
  const low = Number(key);
  return `${(low / 1e4).toFixed(2)}–${((low + BIN_A) / 1e4).toFixed(2)} µm`;
}

function summed(
  grouping: Grouping,
  key: string,
  places: readonly number[],
  columns: Readonly<Record<string, readonly Value[]>>,
  kept: readonly boolean[],
): Group {
  const numbers = (name: string) => places.map((place) => columns[name]?.[place]).filter(isNumber);
  const sum = (name: string) => numbers(name).reduce((total, value) => total + value, 0);
  const particles = sum("particles");
  const classified = sum("particles_classified");
  const resolutions = Float64Array.from(numbers("ctf_resolution_a")).sort();
  return {
    key,
    name: nameOf(grouping, key),
    movies: places.length,
    kept: places.filter((place) => kept[place] ?? true).length,
    particles,
    particlesPerMovie: places.length ? particles / places.length : null,
    classYield: classified ? sum("particles_good") / classified : null,
    resolutionMedianA: resolutions[Math.floor(resolutions.length / 2)] ?? null,
  };
}

/** The range of defocus of a group, as a filter has it. */
export function binOf(key: string): [number, number] {
  return [Number(key), Number(key) + BIN_A];
}
