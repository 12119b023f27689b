/** The tabs of a session, as they stand in the address. */
export const TABS = [
  ["operation", "Operation"],
  ["settings", "Settings"],
  ["logs", "Logs"],
] as const;

export type Tab = (typeof TABS)[number][0];

export function isTab(text: string): text is Tab {
  return TABS.some(([name]) => name === text);
}
