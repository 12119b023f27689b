import { url } from "../../api/client";
import type { SessionView } from "../../api/types";
import { ago, count, shortCount } from "../../lib/format";
import { useNow } from "../../lib/now";
import { trackLabel, tracksOf } from "../../lib/tracks";
import { Badge } from "../../ui/feedback";
import { Link } from "../../ui/link";
import { StateDot } from "../../ui/state";
import { LifeBadge, SessionActions, type SessionActionsProps } from "./session-actions";
import { type Order, RISING } from "./session-order";

interface SessionTableProps {
  sessions: readonly SessionView[];
  order: Order;
  turned: boolean;
  onOrder: (order: Order) => void;
  actions: (session: SessionView) => SessionActionsProps;
}

const HEADINGS: readonly (readonly [label: string, order: Order | null, right?: boolean])[] = [
  ["Session", "name"],
  ["Tracks", null],
  ["Micrographs", "done", true],
  ["Movies", "movies", true],
  ["Failed", "failed", true],
  ["Particles", "particles", true],
  ["Last movie", "activity"],
  ["Class averages", "classes"],
  ["Actions", null],
];

/** All sessions in lines, for those who have many. */
export function SessionTable(props: SessionTableProps) {
  const now = useNow(5);
  return (
    <section className="panel table-wrap" aria-label="Table of sessions">
      <table className="table compact session-table">
        <thead>
          <tr>
            {HEADINGS.map(([label, order, right]) => (
              <Heading
                key={label}
                label={label}
                order={order}
                right={right ?? false}
                chosen={props.order}
                turned={props.turned}
                onOrder={props.onOrder}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          {props.sessions.map((session) => (
            <Row key={session.id} now={now} {...props.actions(session)} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface HeadingProps {
  label: string;
  /** How it sorts; null where it can't. */
  order: Order | null;
  right: boolean;
  chosen: Order;
  turned: boolean;
  onOrder: (order: Order) => void;
}

function Heading({ label, order, right, chosen, turned, onOrder }: HeadingProps) {
  const side = right ? "right" : "";
  if (order === null) {
    return (
      <th scope="col" className={side}>
        {label}
      </th>
    );
  }
  const rises = RISING.includes(order) !== turned;
  const isChosen = order === chosen;
  return (
    <th scope="col" className={side} aria-sort={isChosen ? (rises ? "ascending" : "descending") : "none"}>
      <button type="button" className="sort-button" title={`Sort by ${label}`} onClick={() => onOrder(order)}>
        {label}
        {isChosen ? <span aria-hidden="true">{rises ? " ▴" : " ▾"}</span> : null}
      </button>
    </th>
  );
}

function Row(props: SessionActionsProps & { now: number }) {
  const { session, now } = props;
  const { counts, last_movie: lastMovie, last_classes: classes } = session;
  return (
    <tr>
      <th scope="row" className="session-name">
        <Link className="truncate" to={`/sessions/${session.id}/operation`} title={session.name}>
          {session.name}
        </Link>
        <p className="muted small truncate" title={session.folder}>
          {[session.label, session.group, session.owner].filter(Boolean).join(" · ")}
        </p>
        <LifeBadge session={session} />
        {session.folder_problem ? (
          <span title={session.folder_problem}>
            <Badge tone="bad">folder away</Badge>
          </span>
        ) : null}
      </th>
      <td>
        <ul>
          {tracksOf(session).map((track) => {
            const state = session.tracks[track];
            return (
              <li key={track} className="nowrap small" title={state?.reason || undefined}>
                <StateDot state={state?.state ?? "stopped"} /> {trackLabel(session, track)}{" "}
                <span className="muted">{state?.state ?? "stopped"}</span>
              </li>
            );
          })}
        </ul>
      </td>
      <td className="right number">{count(counts.done ?? 0)}</td>
      <td className="right number">{count(counts.movies ?? 0)}</td>
      <td className={counts.failed ? "right number bad" : "right number"}>{count(counts.failed ?? 0)}</td>
      <td className="right number">{shortCount(counts.particles ?? 0)}</td>
      <td className="nowrap">{lastMovie?.done_at ? ago(lastMovie.done_at, now) : "–"}</td>
      <td>
        {classes ? (
          <>
            <img
              className="row-classes"
              loading="lazy"
              alt={`Newest class averages of ${session.name}`}
              src={url(`/sessions/${session.id}/classify2d/updates/${classes.number}/classes.jpg`)}
            />
            <span className="small muted nowrap">{ago(classes.finished_at, now)}</span>
          </>
        ) : (
          "–"
        )}
      </td>
      <td>
        <SessionActions {...props} />
      </td>
    </tr>
  );
}
