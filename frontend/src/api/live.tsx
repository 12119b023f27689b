/** The page's one connection to the live feed. */

import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";
import { hangUp } from "./client";
import { type Change, FeedConnection, type FeedState } from "./feed";
import { keys, Refresher } from "./queries";

type Listener = (changes: Change[]) => void;

interface Live {
  state: FeedState;
  /** Be told of every change as it comes; returns what ends it. */
  listen: (listener: Listener) => () => void;
}

const LiveContext = createContext<Live>({ state: "connecting", listen: () => () => undefined });

export function LiveProvider(props: { session?: number | undefined; children: ReactNode }) {
  const client = useQueryClient();
  const [state, setState] = useState<FeedState>("connecting");
  const listeners = useRef(new Set<Listener>());
  const { session } = props;
  useEffect(() => {
    const refresher = new Refresher(
      (queryKey) => void client.invalidateQueries({ queryKey }),
      (queryKey) => client.isFetching({ queryKey, type: "active" }) > 0,
    );
    let wasLost = false;
    const connection = new FeedConnection({
      session,
      onState: (next) => {
        setState(next);
        if (next === "connected" && wasLost) askAgain(client);
        wasLost = next === "reconnecting";
        // Login, account, role or session is gone: the answers to these say which.
        if (next === "refused") {
          void client.invalidateQueries({ queryKey: keys.me });
          if (session !== undefined) void client.invalidateQueries({ queryKey: keys.part(session, "info") });
        }
      },
      onResync: () => void client.invalidateQueries(),
      onChanges: (changes) => {
        refresher.take(changes);
        for (const listener of listeners.current) listener(changes);
      },
    });
    const wake = () => connection.wake();
    const doubt = () => connection.doubt();
    window.addEventListener("online", wake);
    window.addEventListener("offline", doubt);
    document.addEventListener("visibilitychange", wake);
    return () => {
      window.removeEventListener("online", wake);
      window.removeEventListener("offline", doubt);
      document.removeEventListener("visibilitychange", wake);
      connection.close();
      refresher.end();
    };
  }, [client, session]);
  const live = useMemo<Live>(
    () => ({
      state,
      listen: (listener) => {
        listeners.current.add(listener);
        return () => listeners.current.delete(listener);
      },
    }),
    [state],
  );
  return <LiveContext.Provider value={live}>{props.children}</LiveContext.Provider>;
}

/** The server is there again: what hangs or has failed since is asked anew. */
function askAgain(client: QueryClient): void {
  hangUp();
  void client.refetchQueries({ type: "active", predicate: ({ state }) => state.status === "error" });
}

export function useLive(): Live {
  return useContext(LiveContext);
}

/** Call `listener` for every batch of changes while the component is shown. */
export function useChanges(listener: Listener): void {
  const { listen } = useLive();
  const newest = useRef(listener);
  newest.current = listener;
  useEffect(() => listen((changes) => newest.current(changes)), [listen]);
}
