/** The tabs of a session, as they stand in the address. */
export const TABS = [
  ["operation", "Operation"],
  ["plots", "Plots"],
  ["table", "Table"],
  ["gallery", "Gallery"],
  ["micrographs", "Micrographs"],
  ["classes", "2D Classes"],
  ["exports", "Exports"],
  ["settings", "Settings"],
  ["logs", "Logs"],
] as const;

export type Tab = (typeof TABS)[number][0];

export function isTab(text: string): text is Tab {
  return TABS.some(([name]) => name === text);
}

/** Tabs that show movies: the filter goes along from one to another. */
const WITH_FILTER: ReadonlySet<string> = new Set(["plots", "table", "gallery", "micrographs"]);

/** Parameters of the address that mean the same on all of them. */
const CARRIED = [
  "range",
  "search",
  "state",
  "square",
  "hole",
  "group",
  "negate",
  "missing",
  "filter",
  "show",
  "movie",
];

/** What goes along from one tab to another. */
export function carried(from: string, to: string, query: URLSearchParams): string {
  if (!WITH_FILTER.has(from) || !WITH_FILTER.has(to)) return "";
  const kept = new URLSearchParams();
  for (const name of CARRIED) for (const value of query.getAll(name)) kept.append(name, value);
  const text = kept.toString();
  return text ? `?${text}` : "";
}
