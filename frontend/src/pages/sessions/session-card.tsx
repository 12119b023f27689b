import { url } from "../../api/client";
import type { SessionView, TrackName } from "../../api/types";
import { ago, count, noun, shortCount } from "../../lib/format";
import { useNow } from "../../lib/now";
import { trackLabel, tracksOf } from "../../lib/tracks";
import { Badge } from "../../ui/feedback";
import { Link } from "../../ui/link";
import { StateDot } from "../../ui/state";
import { LifeBadge, SessionActions, type SessionActionsProps } from "./session-actions";

export function SessionCard(props: SessionActionsProps) {
  const { session } = props;
  const now = useNow(5);
  const { counts, last_movie: lastMovie, last_classes: classes } = session;
  return (
    <article className="panel card" aria-label={session.name}>
      <div className="card-head">
        <div className="grow">
          <Link className="card-name truncate" to={`/sessions/${session.id}/operation`} title={session.name}>
            {session.name}
          </Link>
          <p className="small muted truncate" title={session.folder}>
            {[session.label, session.group, session.owner].filter(Boolean).join(" · ")}
          </p>
        </div>
        <LifeBadge session={session} />
        <SessionActions {...props} />
      </div>
      {session.folder_problem ? (
        <p className="small breakable">
          <Badge tone="bad">folder away</Badge> {session.folder_problem}
        </p>
      ) : null}
      <ul className="card-tracks">
        {tracksOf(session).map((track) => (
          <TrackDot key={track} track={track} session={session} />
        ))}
      </ul>
      <dl className="card-numbers">
        <Fact label={noun(counts.done, "micrograph")} value={count(counts.done ?? 0)} />
        <Fact label={`of ${noun(counts.movies, "movie")}`} value={count(counts.movies ?? 0)} />
        <Fact label={noun(counts.particles, "particle")} value={shortCount(counts.particles ?? 0)} />
        {counts.failed ? <Fact label="failed" value={count(counts.failed)} bad /> : null}
      </dl>
      {classes ? (
        <img
          className="card-classes"
          loading="lazy"
          alt={`Newest class averages of ${session.name}`}
          src={url(`/sessions/${session.id}/classify2d/updates/${classes.number}/classes.jpg`)}
        />
      ) : (
        <p className="card-classes card-no-classes small muted">no class averages yet</p>
      )}
      <p className="small muted">
        {lastMovie?.done_at
          ? `last movie ${ago(lastMovie.done_at, now)}`
          : `made ${ago(session.created_at, now)}`}
        {classes ? ` · classes ${ago(classes.finished_at, now)}` : ""}
      </p>
    </article>
  );
}

function TrackDot({ track, session }: { track: TrackName; session: SessionView }) {
  const state = session.tracks[track]?.state ?? "stopped";
  const reason = session.tracks[track]?.reason;
  return (
    <li className="row tight nowrap" title={reason || undefined}>
      <StateDot state={state} />
      {trackLabel(session, track)} <span className="muted">{state}</span>
    </li>
  );
}

function Fact({ label, value, bad }: { label: string; value: string; bad?: boolean }) {
  return (
    <div className={bad ? "bad" : ""}>
      <dd className="number">{value}</dd>
      <dt>{label}</dt>
    </div>
  );
}
