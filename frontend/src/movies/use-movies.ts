/** What the data pages read of the movies. */

import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useRef, useState } from "react";
import { api } from "../api/client";
import { keys } from "../api/queries";
import type { components } from "../api/schema";
import type { ColumnInfo, MoviePage, MovieRow } from "../api/types";
import { useParam } from "../lib/router";

export type Kept = components["schemas"]["Kept"];

/** Which movies are listed: those that the filter keeps, the others, or both. */
export type Show = "kept" | "rejected" | "all";

const SHOWS: readonly Show[] = ["kept", "rejected", "all"];

/** The choice of the address. */
export function useShow(): [Show, (show: Show) => void] {
  const [text, set] = useParam("show", "kept");
  return [SHOWS.find((show) => show === text) ?? "kept", set];
}

export const columnsQuery = {
  queryKey: ["movie-columns"],
  queryFn: () => api.get<ColumnInfo[]>("/movie-columns"),
  staleTime: Number.POSITIVE_INFINITY,
};

/** All columns of movies, in their order. */
export function useColumns(): readonly ColumnInfo[] {
  return useQuery(columnsQuery).data ?? NONE;
}

const NONE: readonly ColumnInfo[] = [];

/** How many movies a filter keeps, of how many. */
export function useKept(session: number, where: string | undefined): Kept | undefined {
  const kept = useQuery({
    queryKey: keys.part(session, "movies", "kept", where),
    queryFn: ({ signal }) => api.get<Kept>(`/sessions/${session}/kept`, { where }, signal),
    placeholderData: keepPreviousData,
  });
  return kept.data;
}

export interface Wanted {
  columns: readonly string[];
  sort: string;
  descending: boolean;
  where: string | undefined;
  show: Show;
}

const PAGE = 100;
/** At most so many pages are read anew when something changes; more are never in sight. */
const MOST_PAGES = 6;

export interface MovieList {
  total: number;
  /** Rows that were read, by their place. */
  rows: ReadonlyMap<number, MovieRow>;
  /** Row at a place; undefined while it is on its way. */
  row: (place: number) => MovieRow | undefined;
  /** Tell which places are in sight. */
  onRange: (first: number, last: number) => void;
  pending: boolean;
  error: unknown;
  retry: () => void;
}

/** Any number of movies: only the pages in sight are read, and read anew when they change. */
export function useMovieList(session: number, wanted: Wanted): MovieList {
  const [range, setRange] = useState<readonly [first: number, last: number]>([0, 0]);
  const known = useRef(0);
  const { sort, descending, where, show } = wanted;
  const columns = wanted.columns.join(",");
  const pages: number[] = [];
  for (let page = range[0]; page <= range[1]; page++) pages.push(page);
  const results = useQueries({
    queries: pages.slice(0, MOST_PAGES).map((page) => ({
      queryKey: keys.part(session, "movies", "page", { columns, sort, descending, where, show }, page),
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        api.get<MoviePage>(
          `/sessions/${session}/movies`,
          {
            columns,
            sort,
            descending,
            limit: PAGE,
            cursor: page ? page * PAGE : undefined,
            ...(show === "all" ? {} : keptQuery(where, show)),
          },
          signal,
        ),
      // Nothing is asked before it is known what for.
      enabled: columns !== "",
    })),
  });
  const rows = new Map<number, MovieRow>();
  for (const [place, result] of results.entries()) {
    const first = (pages[place] ?? 0) * PAGE;
    for (const [index, row] of (result.data?.rows ?? []).entries()) rows.set(first + index, row);
  }
  const told = results.find((result) => result.data)?.data?.total;
  if (told !== undefined) known.current = told;
  const onRange = useCallback((first: number, last: number) => {
    const [low, high] = [Math.floor(first / PAGE), Math.floor(last / PAGE)];
    setRange((old) => (old[0] === low && old[1] === high ? old : [low, high]));
  }, []);
  return {
    total: known.current,
    rows,
    row: (place) => rows.get(place),
    onRange,
    pending: told === undefined && results.some((result) => result.isPending),
    error: results.find((result) => result.error)?.error,
    retry: () => {
      for (const result of results) void result.refetch();
    },
  };
}

/** Parameters that leave what is kept, or the rest. */
export function keptQuery(where: string | undefined, show: Show): { where?: string; rejected?: boolean } {
  if (show === "all") return {};
  // A filter that says nothing still leaves out what a person excluded.
  return { where: where ?? "{}", ...(show === "rejected" ? { rejected: true } : {}) };
}

/** Columns by name. */
export function useColumnMap(): ReadonlyMap<string, ColumnInfo> {
  const columns = useColumns();
  return useMemo(() => new Map(columns.map((column) => [column.name, column])), [columns]);
}
