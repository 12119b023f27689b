/**
 * What a person has typed and not sent, by session, in this tab of the browser only; 0 is the session that is
 * being made. It outlives another page, a page that fails and one that is loaded anew.
 */

import { useCallback, useSyncExternalStore } from "react";
import type { Staged, Typed } from "./values";

interface Draft {
  staged: Staged;
  /** Revision that stood on the form when the first field was changed. */
  base: number | null;
  /** It comes from before the page was loaded anew, and nobody has touched it since. */
  restored?: boolean;
}

const NOTHING: Draft = { staged: {}, base: null };
const KEY = "frazil-staged-";
const drafts = restore();
const listeners = new Set<() => void>();

/** Do something with the tab's memory; a browser may forbid us to remember. */
function remembering(work: (memory: Storage) => void): void {
  try {
    work(sessionStorage);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}

/** Drafts that this tab remembers; what can't be read is left out. */
export function restore(): Map<number, Draft> {
  const found = new Map<number, Draft>();
  remembering((memory) => {
    for (const key of Object.keys(memory)) {
      const draft = key.startsWith(KEY) ? readDraft(memory.getItem(key)) : null;
      if (draft) found.set(Number(key.slice(KEY.length)), draft);
    }
  });
  return found;
}

function readDraft(text: string | null): Draft | null {
  let read: Partial<Draft> | null;
  try {
    read = JSON.parse(text ?? "") as Partial<Draft> | null;
  } catch {
    return null;
  }
  const fields = Object.entries(read?.staged ?? {});
  const staged = fields.filter(([, typed]) => typeof typed === "string" || typeof typed === "boolean");
  if (!staged.length) return null;
  const base = typeof read?.base === "number" ? read.base : null;
  return { staged: Object.fromEntries(staged), base, restored: true };
}

function put(session: number, draft: Draft | null): void {
  if (draft) drafts.set(session, draft);
  else drafts.delete(session);
  remembering((memory) => {
    if (draft) memory.setItem(`${KEY}${session}`, JSON.stringify({ staged: draft.staged, base: draft.base }));
    else memory.removeItem(`${KEY}${session}`);
  });
  for (const listener of [...listeners]) listener();
}

/** Forget everything of everybody: somebody logs out. */
export function forgetAllStaged(): void {
  for (const session of [...drafts.keys()]) put(session, null);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export interface StagedSettings {
  staged: Staged;
  base: number | null;
  /** What is staged comes from before the page was loaded anew. */
  restored: boolean;
  /** Somebody has seen that. */
  acknowledge: () => void;
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
      const next = { ...before, staged, base: before.base ?? revision };
      put(session, Object.keys(staged).length ? next : null);
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
  const acknowledge = useCallback(() => {
    const before = drafts.get(session);
    if (before) put(session, { ...before, restored: false });
  }, [session]);
  return { ...draft, restored: draft.restored === true, acknowledge, set, forget, rebase };
}
