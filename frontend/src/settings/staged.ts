/**
 * What a person has typed and not sent, by session. It lives as long as the page does, whatever tab is shown,
 * and in this browser only; 0 is the session that is being made.
 */

import { useCallback, useSyncExternalStore } from "react";
import type { Staged, Typed } from "./values";

interface Draft {
  staged: Staged;
  /** Revision that stood on the form when the first field was changed. */
  base: number | null;
}

const NOTHING: Draft = { staged: {}, base: null };
const drafts = new Map<number, Draft>();
const listeners = new Set<() => void>();

function put(session: number, draft: Draft | null): void {
  if (draft) drafts.set(session, draft);
  else drafts.delete(session);
  for (const listener of [...listeners]) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export interface StagedSettings {
  staged: Staged;
  base: number | null;
  /** Stage a field; undefined takes it back. */
  set: (name: string, typed: Typed | undefined, revision: number) => void;
  /** Forget some fields, or all. */
  forget: (names?: readonly string[]) => void;
  /** Go on from a newer revision. */
  rebase: (revision: number) => void;
}

export function useStaged(session: number): StagedSettings {
  const draft = useSyncExternalStore(subscribe, () => drafts.get(session) ?? NOTHING);
  const set = useCallback(
    (name: string, typed: Typed | undefined, revision: number) => {
      const before = drafts.get(session) ?? NOTHING;
      const { [name]: _, ...rest } = before.staged;
      const staged = typed === undefined ? rest : { ...rest, [name]: typed };
      put(session, Object.keys(staged).length ? { staged, base: before.base ?? revision } : null);
    },
    [session],
  );
  const forget = useCallback(
    (names?: readonly string[]) => {
      const before = drafts.get(session) ?? NOTHING;
      const left = Object.entries(before.staged).filter(([name]) => names && !names.includes(name));
      put(session, left.length ? { ...before, staged: Object.fromEntries(left) } : null);
    },
    [session],
  );
  const rebase = useCallback(
    (revision: number) => {
      const before = drafts.get(session);
      if (before) put(session, { ...before, base: revision });
    },
    [session],
  );
  return { ...draft, set, forget, rebase };
}
