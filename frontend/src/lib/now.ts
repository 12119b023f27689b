import { useEffect, useState } from "react";

/** Seconds since 1970, anew every so often: for "40 s ago". */
export function useNow(everySeconds = 1): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), everySeconds * 1000);
    return () => clearInterval(timer);
  }, [everySeconds]);
  return now;
}
