import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { components } from "../../../api/schema";
import type { MoviePage } from "../../../api/types";
import { keptQuery, type Show } from "../../../movies/use-movies";
import { toastError } from "../../../ui/feedback";

type PlaceOfMovie = components["schemas"]["Place"];

interface Walk {
  /** Counted from 0, among those listed, in the order in which they came. */
  place: number | null;
  total: number;
  /** Whether the movie shown is one of those listed. */
  listed: boolean;
  /** Go so many movies on. */
  step: (by: number) => void;
  /** Go to a place; -1 is the last one. */
  jump: (place: number) => void;
  /** Go to a movie by its name. */
  to: (name: string) => void;
}

/** Where one goes from a step: a movie that isn't listed itself stands between two that are. */
export function target(at: PlaceOfMovie, by: number): number {
  const wanted = at.place + (!at.kept && by > 0 ? by - 1 : by);
  return Math.max(0, Math.min(at.total - 1, wanted));
}

/**
 * Walk through the movies that the filter leaves, in the order of their numbers.
 *
 * Who presses faster than the server answers gets where the last press leads: a step counts from where the one
 * before will end, and an answer that comes after a later press is dropped.
 */
export function useWalk(
  session: number,
  name: string,
  where: string | undefined,
  show: Show,
  onMovie: (name: string) => void,
): Walk {
  const query = keptQuery(where, show);
  const place = useQuery({
    queryKey: keys.part(session, "movies", "place", name, query),
    queryFn: ({ signal }) =>
      api.get<PlaceOfMovie>(`/sessions/${session}/movies/${name}/place`, query, signal),
    enabled: name !== "",
    placeholderData: keepPreviousData,
  });
  const at = place.data;
  // The presses so far: how many, up to which one they are answered, the place that they lead to as long as the
  // page doesn't know its own place there, and the movie that the last answer gave.
  const presses = useRef({ count: 0, answered: 0, ahead: null as number | null, given: "" });
  const forget = useCallback(() => {
    presses.current.count += 1;
    presses.current.answered = presses.current.count;
    presses.current.ahead = null;
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: places in one list say nothing in another
  useEffect(forget, [where, show]);
  useEffect(() => {
    const { count, answered, given } = presses.current;
    const arrived = name !== given || (at && !place.isPlaceholderData);
    if (arrived && answered === count) presses.current.ahead = null;
  }, [name, at, place.isPlaceholderData]);
  const jump = (wanted: number) => {
    if (!at?.total) return;
    const cursor = wanted < 0 ? at.total - 1 : wanted;
    presses.current.count += 1;
    presses.current.ahead = cursor;
    const mine = presses.current.count;
    api
      .get<MoviePage>(`/sessions/${session}/movies`, {
        ...query,
        columns: "name",
        sort: "number",
        descending: false,
        cursor: cursor || undefined,
        limit: 1,
      })
      .then((page) => {
        if (mine !== presses.current.count) return;
        presses.current.answered = mine;
        const next = page.rows[0]?.name;
        if (!next || next === name) presses.current.ahead = null;
        if (!next) return;
        presses.current.given = next;
        onMovie(next);
      })
      .catch((error) => {
        if (mine === presses.current.count) forget();
        toastError(error);
      });
  };
  const step = (by: number) => {
    if (!at) return;
    const { ahead } = presses.current;
    jump(target(ahead === null ? at : { ...at, place: ahead, kept: true }, by));
  };
  return {
    place: at?.kept ? at.place : null,
    total: at?.total ?? 0,
    listed: at?.kept ?? true,
    step,
    jump,
    to: (wanted) => {
      forget();
      onMovie(wanted);
    },
  };
}

/** Name of the movie that was finished last. */
export function useNewest(session: number, follow: boolean, onMovie: (name: string) => void): boolean {
  const newest = useQuery({
    queryKey: keys.part(session, "movies", "newest"),
    queryFn: ({ signal }) =>
      api.get<MoviePage>(
        `/sessions/${session}/movies`,
        { columns: "name", sort: "done_at", state: "done,outdated", limit: 1 },
        signal,
      ),
    enabled: follow,
  });
  const name = newest.data?.rows[0]?.name;
  useEffect(() => {
    if (follow && name) onMovie(name);
  }, [follow, name, onMovie]);
  return Boolean(newest.data && !name);
}

/** Names of movies that have a text in them. */
export function useFound(session: number, text: string): readonly string[] {
  const found = useQuery({
    queryKey: keys.part(session, "movies", "found", text),
    queryFn: ({ signal }) =>
      api.get<MoviePage>(`/sessions/${session}/movies`, { columns: "name", search: text, limit: 20 }, signal),
    enabled: text.length > 1,
    placeholderData: keepPreviousData,
  });
  return (found.data?.rows ?? []).flatMap((row) => (row.name ? [row.name] : []));
}
