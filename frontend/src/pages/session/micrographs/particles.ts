/** The particles of a micrograph: what picking found, and what people added and removed. */

import type { ManualPicks, Picks } from "./use-movie";

/** Å from the first pixel of the micrograph; x is the column. */
export interface Place {
  x: number;
  y: number;
}

export interface Particle extends Place {
  /** Place in the list of candidates; null where a person added it. */
  candidate: number | null;
  score: number | null;
}

/** One click that is not saved yet: a particle more, or one less. */
export interface Edit extends Place {
  adds: boolean;
}

/** Two centres as near as this, in diameters, are the same particle; the server judges likewise. */
const SAME_DIAMETERS = 0.2;

export interface Decided {
  particles: Particle[];
  /** Candidates that people removed: by their place in the list. */
  removed: ReadonlySet<number>;
}

/**
 * What counts after everything people decided, with edits that are not saved on top.
 *
 * Edits are kept as places, not as numbers of candidates: they hold when the micrograph is picked again.
 */
export function decided(
  picks: Picks,
  manual: ManualPicks | undefined,
  edits: readonly Edit[],
  threshold: number,
): Decided {
  const sizeA = picks.pixel_size_a ?? 1;
  const diameter = picks.diameter_a ?? 100;
  const candidates: Particle[] = [];
  for (const [index, score] of picks.score.entries()) {
    const x = picks.x_px[index];
    const y = picks.y_px[index];
    if (x == null || y == null || picks.by_hand[index] === 1) continue;
    candidates.push({ x: x * sizeA, y: y * sizeA, candidate: index, score });
  }
  const removed = new Set(
    manual?.removed ?? picks.by_hand.flatMap((decision, index) => (decision === -1 ? [index] : [])),
  );
  let added: Particle[] = (manual ? manual.added : addedOf(picks, sizeA)).map(([x = 0, y = 0]) => ({
    x,
    y,
    candidate: null,
    score: null,
  }));
  const found = candidates.filter(({ score }) => score !== null && score >= threshold);
  for (const edit of edits) {
    if (edit.adds) {
      const again = nearest(
        found.filter(({ candidate }) => removed.has(candidate ?? -1)),
        edit,
        SAME_DIAMETERS * diameter,
      );
      if (again) removed.delete(again.candidate ?? -1);
      else added.push({ x: edit.x, y: edit.y, candidate: null, score: null });
      continue;
    }
    const kept = found.filter(({ candidate }) => !removed.has(candidate ?? -1));
    const gone = nearest([...added, ...kept], edit, SAME_DIAMETERS * diameter);
    if (gone?.candidate != null) removed.add(gone.candidate);
    else added = added.filter((particle) => particle !== gone);
  }
  // What a person added stands for the candidate at its place.
  const kept = found.filter(
    (one) => !removed.has(one.candidate ?? -1) && !nearest(added, one, SAME_DIAMETERS * diameter),
  );
  return { particles: [...kept, ...added], removed };
}

function addedOf(picks: Picks, sizeA: number): number[][] {
  return picks.by_hand.flatMap((decision, index) => {
    const x = picks.x_px[index];
    const y = picks.y_px[index];
    return decision === 1 && x != null && y != null ? [[x * sizeA, y * sizeA]] : [];
  });
}

/** What a click means: one less where it meets a particle, else one more; null outside the micrograph. */
export function editAt(place: Place, particles: readonly Particle[], picks: Picks): Edit | null {
  const sizeA = picks.pixel_size_a ?? 1;
  const width = (picks.width_px ?? 0) * sizeA;
  const height = (picks.height_px ?? 0) * sizeA;
  if (place.x < 0 || place.y < 0 || place.x > width || place.y > height) return null;
  const met = nearest(particles, place, (picks.diameter_a ?? 100) / 2);
  return met ? { x: met.x, y: met.y, adds: false } : { ...place, adds: true };
}

/** What is sent: everything that was changed by hand, not only what is new. */
export function toSave({ particles, removed }: Decided): { added: number[][]; removed: number[] } {
  const tenth = (value: number) => Math.round(value * 10) / 10;
  return {
    added: particles.filter(({ candidate }) => candidate === null).map(({ x, y }) => [tenth(x), tenth(y)]),
    removed: [...removed].sort((a, b) => a - b),
  };
}

function nearest(particles: readonly Particle[], place: Place, within: number): Particle | undefined {
  let best: Particle | undefined;
  let distance = within;
  for (const particle of particles) {
    const here = Math.hypot(particle.x - place.x, particle.y - place.y);
    if (here <= distance) {
      best = particle;
      distance = here;
    }
  }
  return best;
}
