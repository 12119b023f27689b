import type { SessionView } from "../../api/types";

export const ORDERS = [
  ["newest", "newest first"],
  ["activity", "last movie first"],
  ["classes", "last classes first"],
  ["name", "by name"],
  ["group", "by group"],
  ["owner", "by owner"],
  ["done", "most micrographs first"],
  ["movies", "most movies first"],
  ["particles", "most particles first"],
  ["failed", "most failed first"],
] as const;

export type Order = (typeof ORDERS)[number][0];

/** Orders that begin with the smallest; the others begin with the largest. */
export const RISING: readonly Order[] = ["name", "group", "owner"];

const VALUES: Record<Order, (session: SessionView) => string | number> = {
  newest: ({ id }) => id,
  activity: (session) => session.last_movie?.done_at ?? 0,
  classes: (session) => session.last_classes?.finished_at ?? 0,
  name: ({ name }) => name,
  group: ({ group }) => group ?? "",
  owner: ({ owner }) => owner ?? "",
  done: ({ counts }) => counts.done ?? 0,
  movies: ({ counts }) => counts.movies ?? 0,
  particles: ({ counts }) => counts.particles ?? 0,
  failed: ({ counts }) => counts.failed ?? 0,
};

/** Sessions in an order, or turned round, that does not jump: equal ones by number. */
export function sorted(sessions: readonly SessionView[], order: Order, turned = false): SessionView[] {
  const value = VALUES[order] ?? VALUES.newest;
  const sign = RISING.includes(order) === turned ? -1 : 1;
  return [...sessions].sort((a, b) => sign * compared(value(a), value(b)) || b.id - a.id);
}

function compared(a: string | number, b: string | number): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}
