/** The filter that is applied now: ranges on columns, text, states. It lives in the address. */

import { useCallback, useMemo } from "react";
import { setParams, useQuery } from "./router";

export type Range = [low: number | null, high: number | null];

export interface Filter {
  /** By column, in the column's own unit. */
  ranges: Record<string, Range>;
  text: string;
  states: string[];
  /** One of these grid squares, where any are given. */
  squares: string[];
  /** One of these foil holes, where any are given. */
  holes: string[];
  /** One of these optics groups, where any are given. */
  groups: number[];
  /** Keep what doesn't pass instead. */
  negate: boolean;
  /** A missing value passes. */
  keepMissing: boolean;
  /** The saved filter it came from; "" if none. */
  name: string;
}

export const NO_FILTER: Filter = {
  ranges: {},
  text: "",
  states: [],
  squares: [],
  holes: [],
  groups: [],
  negate: false,
  keepMissing: false,
  name: "",
};

export function isEmpty(filter: Filter): boolean {
  const { ranges, text, negate, ...lists } = filter;
  const listed = [lists.states, lists.squares, lists.holes, lists.groups].some((list) => list.length);
  return !Object.keys(ranges).length && !text && !listed && !negate;
}

/** As parameters of the address: `range=ctf_resolution_a:..6`, `search`, `state`, `filter`. */
export function toParams(filter: Filter): Record<string, string | string[] | null> {
  const ranges = Object.entries(filter.ranges)
    .filter(([, [low, high]]) => low !== null || high !== null)
    .map(([column, [low, high]]) => `${column}:${low ?? ""}..${high ?? ""}`);
  return {
    range: ranges.length ? ranges : null,
    search: filter.text || null,
    state: filter.states.length ? filter.states : null,
    square: filter.squares.length ? filter.squares : null,
    hole: filter.holes.length ? filter.holes : null,
    group: filter.groups.length ? filter.groups.map(String) : null,
    negate: filter.negate ? "1" : null,
    missing: filter.keepMissing ? "1" : null,
    filter: filter.name || null,
  };
}

/** Read a filter back; what can't be read is left out. */
export function fromParams(query: URLSearchParams): Filter {
  const ranges: Record<string, Range> = {};
  for (const text of query.getAll("range")) {
    const found = /^([a-z0-9_]+):(.*)\.\.(.*)$/.exec(text);
    if (!found) continue;
    const [, column = "", low = "", high = ""] = found;
    const range: Range = [bound(low), bound(high)];
    if (range[0] !== null || range[1] !== null) ranges[column] = range;
  }
  return {
    ranges,
    text: query.get("search") ?? "",
    states: query.getAll("state"),
    squares: query.getAll("square"),
    holes: query.getAll("hole"),
    groups: query.getAll("group").map(Number).filter(Number.isInteger),
    negate: query.get("negate") === "1",
    keepMissing: query.get("missing") === "1",
    name: query.get("filter") ?? "",
  };
}

function bound(text: string): number | null {
  const value = text === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}

/** The present filter, and a way to change it. */
export function useFilter(): [Filter, (change: Partial<Filter>) => void] {
  const query = useQuery();
  const filter = useMemo(() => fromParams(query), [query]);
  const change = useCallback(
    (part: Partial<Filter>) =>
      setParams(toParams({ ...fromParams(new URLSearchParams(window.location.search)), ...part })),
    [],
  );
  return [filter, change];
}

/** Whether a movie passes; the override decides before the ranges do. */
export function passes(filter: Filter, movie: Record<string, unknown>): boolean {
  if (movie.override === "include") return true;
  if (movie.override === "exclude") return false;
  return passesRanges(filter, movie) !== filter.negate;
}

function passesRanges(filter: Filter, movie: Record<string, unknown>): boolean {
  if (filter.states.length && !filter.states.includes(String(movie.state))) return false;
  const text = filter.text.toLowerCase();
  if (text && !`${movie.name} ${movie.path ?? ""}`.toLowerCase().includes(text)) return false;
  if (filter.squares.length && !filter.squares.includes(String(movie.grid_square ?? ""))) return false;
  if (filter.holes.length && !filter.holes.includes(String(movie.foil_hole ?? ""))) return false;
  if (filter.groups.length && !filter.groups.includes(Number(movie.optics_group ?? -1))) return false;
  return Object.entries(filter.ranges).every(([column, [low, high]]) => {
    const value = movie[column];
    if (typeof value !== "number") return filter.keepMissing;
    return (low === null || value >= low) && (high === null || value <= high);
  });
}
