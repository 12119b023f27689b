/** Where the page is: path and query of the address, nothing else remembers it. */

import { useCallback, useMemo, useSyncExternalStore } from "react";

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("popstate", listener);
  };
}

function tell(): void {
  for (const listener of [...listeners]) listener();
}

/** Go to a path of this page; `replace` leaves no step in the history. */
export function navigate(to: string, options: { replace?: boolean } = {}): void {
  const target = new URL(to, window.location.href);
  const here = window.location;
  if (target.href === here.href) return;
  if (options.replace) window.history.replaceState(null, "", target);
  else window.history.pushState(null, "", target);
  if (target.pathname !== here.pathname) window.scrollTo(0, 0);
  tell();
}

const snapshot = () => window.location.pathname + window.location.search;

export function usePath(): string {
  useSyncExternalStore(subscribe, snapshot);
  return window.location.pathname;
}

export function useQuery(): URLSearchParams {
  const here = useSyncExternalStore(subscribe, snapshot);
  return useMemo(() => new URLSearchParams(here.split("?")[1] ?? ""), [here]);
}

/** Change parameters of the query: null removes one. Never a step in the history. */
export function setParams(changes: Record<string, string | string[] | null>): void {
  const query = new URLSearchParams(window.location.search);
  for (const [name, value] of Object.entries(changes)) {
    query.delete(name);
    for (const item of value === null ? [] : [value].flat()) query.append(name, item);
  }
  const text = query.toString();
  navigate(window.location.pathname + (text ? `?${text}` : ""), { replace: true });
}

/** One parameter of the query as state; absent means `fallback`. */
export function useParam(name: string, fallback = ""): [string, (value: string) => void] {
  const value = useQuery().get(name) ?? fallback;
  const set = useCallback(
    (next: string) => setParams({ [name]: next === fallback ? null : next }),
    [name, fallback],
  );
  return [value, set];
}

/** Match a path with a pattern such as `/sessions/:id/:tab`; null if it doesn't fit. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split("/").filter(Boolean);
  const parts = path.split("/").filter(Boolean);
  if (wanted.length !== parts.length) return null;
  const found: Record<string, string> = {};
  for (const [index, word] of wanted.entries()) {
    const part = parts[index] ?? "";
    if (word.startsWith(":")) found[word.slice(1)] = decodeURIComponent(part);
    else if (word !== part) return null;
  }
  return found;
}
