import { useCallback, useEffect, useRef, useState } from "react";
import type { SessionView } from "../api/types";
import { mayChange } from "../lib/me";
import type { MovieList, Show } from "./use-movies";
import { type Override, useOverride } from "./use-override";

interface Decisions {
  /** Place of the chosen movie in the list; null while it isn't known. */
  place: number | null;
  setPlace: (place: number) => void;
  move: (step: number) => void;
  /** Include or exclude the chosen movie and go on to the next; the same again takes it back. */
  decide: (override: "include" | "exclude") => void;
}

/** Which movie of a list is chosen, by keys too, and what is decided about it. */
export function useDecisions(
  session: SessionView,
  list: MovieList,
  selected: string,
  select: (name: string) => void,
  show: Show,
): Decisions {
  const [place, setPlaceOnly] = useState<number | null>(null);
  const waiting = useRef<number | null>(null);
  const setOverride = useOverride(session.id);
  const newest = useRef(list);
  newest.current = list;
  const setPlace = useCallback(
    (wanted: number) => {
      const next = Math.max(0, Math.min(newest.current.total - 1, wanted));
      setPlaceOnly(next);
      const row = newest.current.row(next);
      waiting.current = row ? null : next;
      if (row?.name) select(row.name);
    },
    [select],
  );
  // A row that was chosen by its place before it was read.
  const late = waiting.current === null ? undefined : list.row(waiting.current)?.name;
  useEffect(() => {
    if (!late) return;
    waiting.current = null;
    select(late);
  }, [late, select]);
  const move = (step: number) => setPlace(place === null ? 0 : place + step);
  const decide = (override: "include" | "exclude") => {
    if (!selected || !mayChange(session)) return;
    const row = place === null ? undefined : list.row(place);
    const before = row?.name === selected ? row.override : undefined;
    const next: Override = before === override ? "auto" : override;
    void setOverride(selected, next);
    if (next === "auto" || place === null) return;
    const leaves = show === (next === "exclude" ? "kept" : "rejected");
    const follower = list.row(place + 1)?.name;
    // A movie that leaves the list makes room: the next one comes to its place.
    if (leaves && follower) select(follower);
    else setPlace(place + 1);
  };
  return { place, setPlace, move, decide };
}
