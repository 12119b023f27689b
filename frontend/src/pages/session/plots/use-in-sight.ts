import { type RefObject, useEffect, useRef, useState } from "react";

/** Whether an element has come near the window; once it has, it stays so. */
export function useInSight(): [RefObject<HTMLElement | null>, boolean] {
  const place = useRef<HTMLElement>(null);
  const [inSight, setInSight] = useState(false);
  useEffect(() => {
    const element = place.current;
    if (!element || inSight) return;
    const watcher = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) setInSight(true);
      },
      { rootMargin: "200px" },
    );
    watcher.observe(element);
    return () => watcher.disconnect();
  }, [inSight]);
  return [place, inSight];
}
