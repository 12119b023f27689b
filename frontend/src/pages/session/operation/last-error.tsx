import { useQuery } from "@tanstack/react-query";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { LogPart, TrackName } from "../../../api/types";
import { ago } from "../../../lib/format";
import { Link } from "../../../ui/link";
import { lineTime } from "../logs/log-line";

/** The newest error in the log of a track, with the way to all of them; nothing where there is none. */
export function LastError({ session, track, now }: { session: number; track: TrackName; now: number }) {
  const found = useQuery({
    queryKey: keys.part(session, "last-error", track),
    queryFn: ({ signal }) =>
      api.get<LogPart>(`/sessions/${session}/logs/${track}`, { level: "error", limit: 1 }, signal),
    refetchInterval: 30_000,
  });
  const line = found.data?.lines.at(-1);
  if (!line) return null;
  const text = [line.movie, line.message].filter(Boolean).join(": ");
  return (
    <p className="track-error small muted truncate" title={text}>
      <Link to={`/sessions/${session}/logs?track=${track}&level=error`}>last error</Link>{" "}
      {ago(lineTime(line), now)}: {text}
    </p>
  );
}
