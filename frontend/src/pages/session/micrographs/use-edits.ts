/** Particles changed by hand: what is saved, and what is not yet. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useSyncExternalStore } from "react";
import { ApiError, api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { Movie } from "../../../api/types";
import { useAction } from "../../../lib/use-action";
import { decided, type Edit, toSave } from "./particles";
import { hasStage, type ManualPicks, type Picks, stageMark } from "./use-movie";

/** By session and movie. They outlive a look at another micrograph or another tab, not a reload. */
const drafts = new Map<string, readonly Edit[]>();
const listeners = new Set<() => void>();
const NONE: readonly Edit[] = [];

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function put(key: string, edits: readonly Edit[]): void {
  if (edits.length) drafts.set(key, edits);
  else drafts.delete(key);
  for (const listener of [...listeners]) listener();
}

export interface Edits {
  manual: ManualPicks | undefined;
  edits: readonly Edit[];
  /** Other micrographs of the session with something that is not saved. */
  elsewhere: string[];
  busy: boolean;
  error: unknown;
  add: (edit: Edit) => void;
  undo: () => void;
  forget: () => void;
  save: (picks: Picks) => Promise<void>;
}

export function useEdits(session: number, movie: Movie): Edits {
  const client = useQueryClient();
  const path = `/sessions/${session}/movies/${movie.name}/picks/manual`;
  const queryKey = keys.part(session, "movie", movie.name, "manual", stageMark(movie, "pick"));
  const manual = useQuery({
    queryKey,
    queryFn: ({ signal }) => api.get<ManualPicks>(path, {}, signal),
    enabled: hasStage(movie, "pick"),
  });
  const key = `${session} ${movie.name}`;
  const edits = useSyncExternalStore(subscribe, () => drafts.get(key) ?? NONE);
  const { busy, error, run } = useAction();
  const change = useCallback((next: readonly Edit[]) => put(key, next), [key]);
  const again = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: keys.part(session, "movie", movie.name) }),
      client.invalidateQueries({ queryKey: keys.part(session, "curve", "picks", movie.name) }),
    ]);
  const save = async (picks: Picks) => {
    const body = toSave(decided(picks, manual.data, edits, picks.threshold ?? 0));
    await run(async () => {
      try {
        const saved = await api.put<ManualPicks>(path, { ...body, version: manual.data?.version ?? null });
        client.setQueryData(queryKey, saved);
        change(NONE);
      } catch (failure) {
        if (failure instanceof ApiError && failure.status === 409) await again();
        throw failure;
      }
    });
  };
  return {
    manual: manual.data,
    edits,
    elsewhere: [...drafts.keys()]
      .filter((other) => other !== key && other.startsWith(`${session} `))
      .map((other) => other.slice(`${session} `.length)),
    busy,
    error: error ?? manual.error,
    add: (edit) => change([...edits, edit]),
    undo: () => change(edits.slice(0, -1)),
    forget: () => change(NONE),
    save,
  };
}
