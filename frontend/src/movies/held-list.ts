/** A list that stays where it is while somebody points at it: what they are about to click must not move. */

import type { MovieRow } from "../api/types";
import type { MovieList } from "./use-movies";

/** Which movie stood where when the list was held. */
export interface Held {
  /** What was listed; another sort or filter is another list. */
  key: string;
  total: number;
  rows: Map<number, MovieRow>;
}

export function hold(key: string, list: MovieList): Held {
  return { key, total: list.total, rows: new Map(list.rows) };
}

/** The list in its old order with its new values. Places that were never seen are taken as they come. */
export function heldList(list: MovieList, held: Held): MovieList {
  const newest = new Map([...list.rows.values()].map((row) => [row.name, row]));
  for (const [place, row] of list.rows) if (!held.rows.has(place)) held.rows.set(place, row);
  const rows = new Map([...held.rows].map(([place, row]) => [place, newest.get(row.name) ?? row]));
  return { ...list, total: held.total, rows, row: (place) => rows.get(place) };
}
