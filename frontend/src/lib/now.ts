import { useEffect, useState } from "react";
import { serverNow } from "./server-clock";

/** Seconds since 1970 by the server's clock, anew every so often: for "40 s ago". */
export function useNow(everySeconds = 1): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), everySeconds * 1000);
    return () => clearInterval(timer);
  }, [everySeconds]);
  return now;
}
