/** Dark or light; dark unless somebody chose otherwise in this browser. */

import { useSyncExternalStore } from "react";

export type Theme = "dark" | "light";
const KEY = "frazil-theme";
const listeners = new Set<() => void>();

function current(): Theme {
  return document.documentElement.dataset.theme === "light" ? "light" : "dark";
}

/** Take what was chosen before; a browser may forbid us to remember. */
export function restoreTheme(): void {
  try {
    if (localStorage.getItem(KEY) === "light") document.documentElement.dataset.theme = "light";
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}

export function setTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
  for (const listener of listeners) listener();
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, current);
}
