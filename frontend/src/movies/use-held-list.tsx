import { type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { count } from "../lib/format";
import { Button } from "../ui/button";
import { type Held, heldList, hold } from "./held-list";
import type { MovieList } from "./use-movies";

/** Who left the pointer on the list and went away is shown what is new. */
const AT_REST_MS = 60_000;
/** After a decision about a row the list is shown as it is by then. */
const FREE_MS = 2000;

export interface HeldList {
  list: MovieList;
  /** How many movies came since the list is held. */
  added: number;
  /** Somebody is at the list: it stays as it is. */
  use: () => void;
  /** Nobody is at it any more: it follows. */
  leave: () => void;
  /** Show what is new, although somebody is at it. */
  release: () => void;
}

/** Hold a list while somebody uses it; `key` says what is listed. */
export function useHeldList(list: MovieList, key: string): HeldList {
  const [inUse, setInUse] = useState(false);
  const held = useRef<Held | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const freeUntil = useRef(0);
  const leave = useCallback(() => {
    clearTimeout(timer.current);
    setInUse(false);
  }, []);
  const use = useCallback(() => {
    if (performance.now() < freeUntil.current) return;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setInUse(false), AT_REST_MS);
    setInUse(true);
  }, []);
  const release = useCallback(() => {
    freeUntil.current = performance.now() + FREE_MS;
    leave();
  }, [leave]);
  useEffect(() => () => clearTimeout(timer.current), []);
  if (!inUse || list.pending || held.current?.key !== key) held.current = null;
  if (inUse && !list.pending) held.current ??= hold(key, list);
  const shown = held.current ? heldList(list, held.current) : list;
  return { list: shown, added: Math.max(0, list.total - shown.total), use, leave, release };
}

/** The place of a list that is held while the pointer is over it. */
export function HeldPlace({ held, children }: { held: HeldList; children: ReactNode }) {
  const { use, leave } = held;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only notices where the pointer is
    <div
      className="held-place"
      onPointerEnter={use}
      onPointerMove={use}
      onPointerDown={use}
      onPointerLeave={leave}
      onFocus={use}
    >
      {children}
      <div className="held-note" role="status">
        {held.added ? (
          <Button small icon="arrowUp" onClick={held.release}>
            {count(held.added)} new, show
          </Button>
        ) : null}
      </div>
    </div>
  );
}
