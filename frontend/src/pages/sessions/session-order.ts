import type { SessionView } from "../../api/types";

export const ORDERS = [
  ["newest", "newest first"],
  ["activity", "last movie first"],
  ["name", "by name"],
  ["movies", "most movies first"],
] as const;

export type Order = (typeof ORDERS)[number][0];

/** Sessions in an order that does not jump: equal ones by number. */
export function sorted(sessions: readonly SessionView[], order: Order): SessionView[] {
  const key: Record<Order, (a: SessionView, b: SessionView) => number> = {
    newest: () => 0,
    activity: (a, b) => (b.last_movie?.done_at ?? 0) - (a.last_movie?.done_at ?? 0),
    name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
    movies: (a, b) => (b.counts.movies ?? 0) - (a.counts.movies ?? 0),
  };
  return [...sessions].sort((a, b) => (key[order] ?? key.newest)(a, b) || b.id - a.id);
}
