import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { ClassUpdate, WholeClassUpdate } from "../../../api/types";
import { useParam } from "../../../lib/router";
import { useClassUpdate } from "./class-notes";

interface History {
  updates: readonly ClassUpdate[];
  /** Place of the shown entry; -1 where there is none. */
  place: number;
  shown: ClassUpdate | undefined;
  whole: WholeClassUpdate | undefined;
  /** The newest entry is shown, whichever that is. */
  following: boolean;
  /** The number asked for, where the history has no such entry: it was cleared, or never was. */
  missing: string | null;
  go: (place: number) => void;
  follow: () => void;
  playing: boolean;
  play: (on: boolean) => void;
  pending: boolean;
  error: unknown;
}

const STEP_MS = 700;

/** All updates of the class averages, oldest first. */
export function useUpdates(session: number) {
  return useQuery({
    queryKey: keys.part(session, "classify2d", "updates"),
    queryFn: ({ signal }) => api.get<ClassUpdate[]>(`/sessions/${session}/classify2d/updates`, {}, signal),
  });
}

/** The history of class averages, and which entry of it is looked at: private to this browser. */
export function useHistory(session: number): History {
  const [number, setNumber] = useParam("update");
  const [playing, play] = useState(false);
  const list = useUpdates(session);
  const updates = list.data ?? [];
  const asked = updates.findIndex((update) => String(update.number) === number);
  const following = number === "" || asked < 0;
  const place = following ? updates.length - 1 : asked;
  const shown = updates[place];
  const whole = useClassUpdate(session, shown?.number);
  const go = (wanted: number) => {
    const update = updates[Math.max(0, Math.min(updates.length - 1, wanted))];
    if (update) setNumber(String(update.number));
  };
  const next = updates[place + 1]?.number;
  useEffect(() => {
    if (!playing) return;
    if (next === undefined) {
      play(false);
      return;
    }
    const timer = setTimeout(() => setNumber(String(next)), STEP_MS);
    return () => clearTimeout(timer);
  }, [playing, next, setNumber]);
  return {
    updates,
    place,
    shown,
    whole: whole.data,
    following,
    missing: number !== "" && asked < 0 && updates.length ? number : null,
    go,
    follow: () => setNumber(""),
    playing,
    play: (on) => {
      if (on && next === undefined) go(0);
      play(on);
    },
    pending: list.isPending || (shown !== undefined && whole.isPending),
    error: list.error ?? whole.error,
  };
}
