import type { Track } from "../../../api/types";
import { count, significant } from "../../../lib/format";
import { useNow } from "../../../lib/now";
import { Sparkline } from "../../../ui/sparkline";
import { useUpdates } from "../classes/use-history";
import { useStrip } from "../use-strip";
import { type Hour, joined } from "./use-hour";

interface TrackPaceProps {
  session: number;
  track: Track;
  /** Of the track. */
  label: string;
  hour: Hour | undefined;
}

/** How fast a track was in the last hour. */
export function TrackPace(props: TrackPaceProps) {
  return props.track.track === "classify2d" ? <ParticlePace {...props} /> : <MoviePace {...props} />;
}

function MoviePace({ session, track, label, hour }: TrackPaceProps) {
  const strip = useStrip(session);
  const values = track.track === "transfer" ? hour?.transferred : hour?.done;
  const rate = track.track === "transfer" ? strip.data?.in_per_h : strip.data?.out_per_h;
  const megabytes = track.details?.rate_mb_s;
  return values ? (
    <>
      <Sparkline values={values} label={`${label}: movies in the last hour, ${count(rate)}`} />
      <p className="small muted number nowrap">
        <b className="rate">{count(rate)}</b> movies/h
        {megabytes ? ` · ${significant(megabytes)} MB/s` : ""}
      </p>
    </>
  ) : null;
}

function ParticlePace({ session, label }: TrackPaceProps) {
  const now = useNow(5);
  const updates = useUpdates(session);
  if (!updates.data?.length) return null;
  const values = joined(updates.data, now);
  const rate = values.reduce((sum, value) => sum + value, 0);
  return (
    <>
      <Sparkline values={values} label={`${label}: new particles in the last hour, ${count(rate)}`} />
      <p className="small muted number nowrap">
        <b className="rate">{count(rate)}</b> particles/h
      </p>
    </>
  );
}
