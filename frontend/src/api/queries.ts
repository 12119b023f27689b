/** Keys under which answers are kept, and which of them a change of the feed makes stale. */

import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "./client";
import type { Change } from "./feed";

/** Everything of a session stands below its key, so that one call can forget all of it. */
export const keys = {
  me: ["me"] as const,
  sessions: ["sessions"] as const,
  session: (id: number) => ["session", id] as const,
  part: (id: number, part: string, ...more: unknown[]) => ["session", id, part, ...more] as const,
  alerts: ["alerts"] as const,
  server: ["server"] as const,
};

/** Parts of a session that are read again when the feed tells of a kind of change. */
const STALE: Record<string, string[]> = {
  session: ["info"],
  track: ["tracks"],
  movies: ["movies", "movie", "series"],
  strip: ["strip"],
  classes: ["classify2d"],
  settings: ["settings"],
  alerts: ["alerts"],
  exports: ["exports"],
  filters: ["filters"],
};

/** Kinds after which the list of sessions may look different. */
const IN_LIST = new Set(["session", "track", "strip", "classes", "alerts"]);

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        refetchOnWindowFocus: false,
        retry: (failures, error) =>
          error instanceof ApiError && error.status > 0 && error.status < 500 ? false : failures < 3,
        retryDelay: (attempt) => Math.min(8000, 500 * 2 ** attempt),
      },
    },
  });
}

/** Mark what the changes touched; what is on the page is read again at once. */
export function applyChanges(client: QueryClient, changes: readonly Change[]): void {
  const stale = new Map<string, readonly unknown[]>();
  const add = (key: readonly unknown[]) => stale.set(JSON.stringify(key), key);
  for (const { kind, session_id: id } of changes) {
    if (kind === "server") add(keys.server);
    if (kind === "alerts") add(keys.alerts);
    if (id === null) continue;
    for (const part of STALE[kind] ?? []) add(keys.part(id, part));
    if (IN_LIST.has(kind)) add(keys.sessions);
  }
  for (const queryKey of stale.values()) void client.invalidateQueries({ queryKey });
}
