import { useCallback, useEffect, useRef, useState } from "react";
import { api } from "../../../api/client";
import type { LogLine, LogPart } from "../../../api/types";

interface Wanted {
  session: number;
  track: string;
  level: string;
  search: string;
  /** The oldest lines beyond this are forgotten. */
  most: number;
}

interface Log {
  lines: LogLine[];
  /** More lie before the first line. */
  hasEarlier: boolean;
  /** Place of the first line in the log. */
  start: number;
  loading: boolean;
  error: unknown;
  loadEarlier: () => void;
}

/** Looking for new lines every so often; a log that says nothing costs one small request. */
const LOOK_MS = 2000;

/** The last lines of a track's log, what follows as it is written, and what came before on demand. */
export function useLog({ session, track, level, search, most }: Wanted): Log {
  const [lines, setLines] = useState<LogLine[]>([]);
  const [error, setError] = useState<unknown>(null);
  const [loading, setLoading] = useState(true);
  const place = useRef({ start: 0, end: 0 });
  const [start, setStart] = useState(0);
  const path = `/sessions/${session}/logs/${track}`;

  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    let ready = false;
    const look = async () => {
      try {
        const query = { level, search, offset: ready ? place.current.end : null };
        const part = await api.get<LogPart>(path, query, abort.signal);
        setError(null);
        if (!ready || part.size < place.current.end) {
          place.current = { start: part.start, end: part.end };
          setLines(part.lines);
          setStart(part.start);
          setLoading(false);
          ready = part.size >= part.end;
        } else {
          place.current.end = part.end;
          if (part.lines.length) setLines((old) => [...old, ...part.lines].slice(-most));
        }
      } catch (failure) {
        if (abort.signal.aborted) return;
        setError(failure);
        setLoading(false);
      }
      if (!abort.signal.aborted) timer = setTimeout(() => void look(), LOOK_MS);
    };
    setLoading(true);
    setLines([]);
    timer = setTimeout(() => void look(), 0);
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [path, level, search, most]);

  const loadEarlier = useCallback(() => {
    const before = place.current.start;
    if (!before) return;
    setLoading(true);
    api
      .get<LogPart>(path, { level, search, before })
      .then((part) => {
        place.current.start = part.start;
        setStart(part.start);
        setLines((old) => [...part.lines, ...old]);
      })
      .catch(setError)
      .finally(() => setLoading(false));
  }, [path, level, search]);

  return { lines, hasEarlier: start > 0, start, loading, error, loadEarlier };
}
