/** Whole columns of all movies, for plots: read once, then anew as seldom as their length asks for. */

import { useQueries, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { useChanges } from "../api/live";
import { keys } from "../api/queries";
import { type Columns, readColumn } from "./column-batch";

export type Value = number | string | null;

export interface Series {
  /** Numbers of the movies, rising. */
  numbers: readonly number[];
  columns: Readonly<Record<string, readonly Value[]>>;
  pending: boolean;
  error: unknown;
}

const LEAST_PAUSE_MS = 2000;
const MOST_PAUSE_MS = 15_000;
/** A column of so many movies is read anew once a second at most. */
const MOVIES_PER_SECOND = 2000;

/** How long to wait before columns of so many movies are read anew. */
export function pauseMs(movies: number): number {
  return Math.min(MOST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, (1000 * movies) / MOVIES_PER_SECOND));
}

/** How one column is read and remembered. */
export function columnQuery(session: number, name: string) {
  return { queryKey: keys.part(session, "columns", name), queryFn: () => readColumn(session, name) };
}

export function useSeries(session: number, wanted: readonly string[]): Series {
  const names = [...new Set(wanted)];
  const results = useQueries({
    queries: names.map((name) => columnQuery(session, name)),
  });
  const answers = useSame(results.map((result) => result.data));
  const known = useSame(names);
  useReadingAnew(session, answers[0]?.number?.length ?? 0);
  const series = useMemo(() => aligned(known, answers), [known, answers]);
  return {
    ...series,
    pending: results.some((result) => result.isPending),
    error: results.find((result) => result.error)?.error,
  };
}

/** The same array as long as what is in it is the same. */
function useSame<T>(items: readonly T[]): readonly T[] {
  const kept = useRef(items);
  const { current } = kept;
  const same = current.length === items.length && current.every((item, index) => item === items[index]);
  if (!same) kept.current = items;
  return kept.current;
}

function useReadingAnew(session: number, movies: number): void {
  const client = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useChanges((changes) => {
    if (timer.current !== undefined) return;
    if (!changes.some((change) => change.session_id === session && change.kind === "movies")) return;
    timer.current = setTimeout(() => {
      timer.current = undefined;
      void client.invalidateQueries({ queryKey: keys.part(session, "columns") });
    }, pauseMs(movies));
  });
  useEffect(() => () => clearTimeout(timer.current), []);
}

/** Bring columns together that were read one after the other, while movies came. */
export function aligned(
  names: readonly string[],
  answers: readonly (Columns | undefined)[],
): { numbers: readonly number[]; columns: Record<string, readonly Value[]> } {
  let numbers: readonly number[] = [];
  for (const answer of answers) {
    const own = (answer?.number ?? []) as number[];
    if (own.length > numbers.length) numbers = own;
  }
  const columns: Record<string, readonly Value[]> = {};
  for (const [place, name] of names.entries()) {
    const answer = answers[place];
    const own = answer?.number ?? [];
    const values = answer?.[name] ?? [];
    if (own.length === numbers.length && own[0] === numbers[0] && own.at(-1) === numbers.at(-1)) {
      columns[name] = values;
      continue;
    }
    const byNumber = new Map(own.map((number, index) => [number, values[index] ?? null]));
    columns[name] = numbers.map((number) => byNumber.get(number) ?? null);
  }
  return { numbers, columns };
}
