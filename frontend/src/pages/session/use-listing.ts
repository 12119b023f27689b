import { useCallback } from "react";
import type { SessionView } from "../../api/types";
import { type Filter, useFilter } from "../../lib/filters";
import { navigate, useParam } from "../../lib/router";
import { whereText } from "../../movies/definition";
import { useDecisions } from "../../movies/use-decisions";
import { type HeldList, useHeldList } from "../../movies/use-held-list";
import { type MovieList, type Show, useColumnMap, useMovieList, useShow } from "../../movies/use-movies";
import { movieAddress } from "./micrographs/address";

export interface Listing {
  filter: Filter;
  setFilter: (change: Partial<Filter>) => void;
  show: Show;
  setShow: (show: Show) => void;
  sort: string;
  setSort: (sort: string) => void;
  descending: boolean;
  setDescending: (descending: boolean) => void;
  /** Name of the chosen movie; empty if none is. */
  selected: string;
  select: (name: string) => void;
  held: HeldList;
  /** The movies as they are shown: those of `held`. */
  list: MovieList;
  /** Place of the chosen movie in the list; null while it isn't known. */
  place: number | null;
  setPlace: (place: number) => void;
  /** Choose the movie so many places on. */
  move: (step: number) => void;
  decide: (override: "include" | "exclude") => void;
  /** Choose a movie that was pointed at. */
  choose: (name: string, place: number) => void;
  /** Look at a movie by itself. */
  open: (name: string) => void;
}

/** Column that movies are sorted by: that of the address if there is one of this name; "" while that isn't known. */
export function useSort(): [string, (sort: string) => void] {
  const [text, set] = useParam("sort", "number");
  const columns = useColumnMap();
  if (text === "number" || columns.has(text)) return [text, set];
  return [columns.size ? "number" : "", set];
}

/**
 * The movies that the address asks for, of which one may be chosen; they stay in place while somebody is at them.
 *
 * `columns` are what the page shows of each; without any nothing is read.
 */
export function useListing(session: SessionView, columns: readonly string[]): Listing {
  const [filter, setFilter] = useFilter();
  const [show, setShow] = useShow();
  const [sort, setSort] = useSort();
  const [order, setOrder] = useParam("order", "down");
  const [selected, select] = useParam("movie");
  const where = whereText(filter);
  // What the filter looks at must be known, too, to mark what it rejects.
  const needed = ["state", "override", ...columns, ...Object.keys(filter.ranges)];
  const found = useMovieList(session.id, {
    columns: columns.length && sort ? [...new Set(needed)] : [],
    sort,
    descending: order === "down",
    where,
    show,
  });
  const held = useHeldList(found, [sort, order, where, show].join(" "));
  const { list } = held;
  const decisions = useDecisions(session, list, selected, select, show);
  const { place, setPlace } = decisions;
  return {
    filter,
    setFilter,
    show,
    setShow,
    sort,
    setSort,
    descending: order === "down",
    setDescending: (descending) => setOrder(descending ? "down" : "up"),
    selected,
    select,
    held,
    list,
    place,
    setPlace,
    move: (step) => {
      held.use();
      decisions.move(step);
    },
    decide: (override) => {
      decisions.decide(override);
      held.release();
    },
    choose: useCallback(
      (name: string, at: number) => {
        select(name);
        setPlace(at);
      },
      [select, setPlace],
    ),
    open: useCallback((name: string) => navigate(movieAddress(session.id, name)), [session.id]),
  };
}
