/** Keys under which answers are kept, and which of them a change of the feed makes stale. */

import { type Query, QueryCache, QueryClient } from "@tanstack/react-query";
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
  session: ["info", "strip", "relocation"],
  track: ["tracks", "info"],
  movies: ["movies", "movie", "series", "info", "strip"],
  strip: ["strip"],
  classes: ["classify2d", "strip"],
  settings: ["settings"],
  alerts: ["alerts"],
  filters: ["filters"],
  exports: ["exports"],
};

/** Kinds after which the list of sessions may look different. */
const IN_LIST = new Set(["session", "track", "movies", "strip", "classes"]);

export function makeQueryClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError: (error, query) => lookAgain(client, error, query) }),
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        // A computer without a network may still have the server on itself.
        networkMode: "always",
        refetchOnWindowFocus: false,
        retry: (failures, error) =>
          error instanceof ApiError && error.status > 0 && error.status < 500 ? false : failures < 3,
        retryDelay: (attempt) => Math.min(8000, 500 * 2 ** attempt),
      },
    },
  });
  return client;
}

/** Something of a session is gone: perhaps the session itself was deleted, or is nobody's business here any more. */
function lookAgain(client: QueryClient, error: Error, query: Query<unknown, unknown, unknown>): void {
  const [kind, id, part] = query.queryKey;
  if (error instanceof ApiError && error.status === 404 && kind === "session" && part !== "info") {
    void client.invalidateQueries({ queryKey: keys.part(Number(id), "info") });
  }
}

/** Keys of what the changes touched. */
export function staleKeys(changes: readonly Change[]): (readonly unknown[])[] {
  const stale = new Map<string, readonly unknown[]>();
  const add = (key: readonly unknown[]) => stale.set(JSON.stringify(key), key);
  for (const { kind, session_id: id } of changes) {
    if (kind === "server") add(keys.server);
    if (kind === "alerts") add(keys.alerts);
    if (id === null) continue;
    for (const part of STALE[kind] ?? []) add(keys.part(id, part));
    if (IN_LIST.has(kind)) add(keys.sessions);
  }
  return [...stale.values()];
}

/** While much changes at once, the same answer is not asked for more often than this. */
const LEAST_PAUSE_MS = 1000;
/** An answer that takes longer than this is given up, and asked for anew. */
const MOST_WAIT_MS = 10_000;

/**
 * Has answers read again that changes made stale: the first time at once, then at most once a second for each,
 * and once more after the last change. While an answer is on its way it is not asked for again, so that a slow
 * server is not made slower.
 */
export class Refresher {
  private readonly resting = new Map<string, { timer: ReturnType<typeof setTimeout>; again: boolean }>();

  constructor(
    private readonly refresh: (key: readonly unknown[]) => void,
    /** Whether an answer of this key is on its way. */
    private readonly isAsked: (key: readonly unknown[]) => boolean = () => false,
  ) {}

  take(changes: readonly Change[]): void {
    for (const key of staleKeys(changes)) this.touch(key);
  }

  end(): void {
    for (const { timer } of this.resting.values()) clearTimeout(timer);
    this.resting.clear();
  }

  private touch(key: readonly unknown[], waitedMs = 0): void {
    const name = JSON.stringify(key);
    const rest = this.resting.get(name);
    if (rest) {
      rest.again = true;
      return;
    }
    const waits = waitedMs < MOST_WAIT_MS && this.isAsked(key);
    if (!waits) this.refresh(key);
    const timer = setTimeout(() => {
      const again = this.resting.get(name)?.again;
      this.resting.delete(name);
      if (again) this.touch(key, waits ? waitedMs + LEAST_PAUSE_MS : 0);
    }, LEAST_PAUSE_MS);
    this.resting.set(name, { timer, again: waits });
  }
}
