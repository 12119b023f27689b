import { useEffect, useState } from "react";
import { useLive } from "../api/live";
import { clock } from "../lib/format";
import { serverNow } from "../lib/server-clock";
import { Note } from "./feedback";

/** A short break is nobody's business. */
const LONG_MS = 4000;

/** Says that the server can't be reached, over the page, so that nothing on it moves. */
export function AwayNote() {
  const { state } = useLive();
  const away = state === "reconnecting";
  const [since, setSince] = useState<number | null>(null);
  useEffect(() => {
    setSince(null);
    if (!away) return;
    const begun = serverNow();
    const timer = setTimeout(() => setSince(begun), LONG_MS);
    return () => clearTimeout(timer);
  }, [away]);
  if (since === null) return null;
  return (
    <div className="away">
      <Note tone="warn" live>
        No connection to the server since {clock(since)}. What you see is from then; the page tries again by
        itself.
      </Note>
    </div>
  );
}
