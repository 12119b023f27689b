import { type RefObject, useLayoutEffect } from "react";

/** Where tabs don't fit and are scrolled, the chosen one is brought to the middle; the page itself stays. */
export function useActiveInSight(list: RefObject<HTMLElement | null>, chosen: string): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: another tab is marked whenever `chosen` changes
  useLayoutEffect(() => {
    const box = list.current;
    const active = box?.querySelector('[aria-current="page"], [aria-selected="true"]');
    if (!box || !active) return;
    const { left, width } = active.getBoundingClientRect();
    box.scrollLeft += left + width / 2 - box.getBoundingClientRect().left - box.clientWidth / 2;
  }, [list, chosen]);
}
