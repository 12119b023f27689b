import { setParams, useParam } from "../../lib/router";

export const VIEWS = [
  ["cards", "Cards"],
  ["table", "Table"],
] as const;

export type View = (typeof VIEWS)[number][0];

const KEY = "frazil-sessions-view";

/** Cards or table: as the address says, else as it was chosen last in this browser. */
export function useView(): [View, (view: View) => void] {
  const [inAddress] = useParam("view");
  const view = (inAddress || remembered()) === "table" ? "table" : "cards";
  return [view, choose];
}

function choose(view: View): void {
  remember(view);
  setParams({ view });
}

/** A browser may forbid to remember. */
function remembered(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
}

function remember(view: View): void {
  try {
    localStorage.setItem(KEY, view);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}
