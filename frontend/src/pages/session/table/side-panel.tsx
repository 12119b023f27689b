import type { SessionView } from "../../../api/types";
import { cellWithUnit } from "../../../lib/columns";
import { mayChange } from "../../../lib/me";
import { FailedNote } from "../../../movies/failed-note";
import { useColumnMap } from "../../../movies/use-movies";
import { Button } from "../../../ui/button";
import { ErrorNote, Waiting } from "../../../ui/feedback";
import { Link } from "../../../ui/link";
import { StateBadge } from "../../../ui/state";
import { movieAddress } from "../micrographs/address";
import { MotionPlot } from "../micrographs/motion-plot";
import { MoviePicture } from "../micrographs/movie-picture";
import { ProfilePlot } from "../micrographs/profile-plot";
import { useMotion, useMovie, useProfile } from "../micrographs/use-movie";

const NUMBERS = [
  "defocus_mean_a",
  "astigmatism_a",
  "ctf_resolution_a",
  "ctf_score",
  "motion_total_a",
  "ice_ring",
  "particles",
  "class_yield",
];

/** The chosen movie at a glance: picture with particles, spectrum, 1D CTF, motion, numbers. */
export function SidePanel(props: {
  session: SessionView;
  name: string;
  onDecide: (override: "include" | "exclude") => void;
  onClose: () => void;
}) {
  const { session, name } = props;
  const movie = useMovie(session.id, name);
  const profile = useProfile(session.id, movie.data);
  const motion = useMotion(session.id, movie.data);
  const columns = useColumnMap();
  const row = movie.data?.columns;
  return (
    <aside className="panel side-panel" aria-label={`Movie ${name}`}>
      <div className="row apart nowrap-row">
        <h2 className="truncate" title={name}>
          <Link to={movieAddress(session.id, name)}>{name}</Link>
        </h2>
        <Button small look="quiet" icon="close" aria-label="Close side view" onClick={props.onClose} />
      </div>
      <ErrorNote error={movie.error} />
      {movie.isPending ? <Waiting /> : null}
      {movie.data && row ? (
        <>
          <div className="row tight">
            <StateBadge state={String(row.state)} />
            {mayChange(session) ? (
              <>
                <Button
                  small
                  aria-pressed={row.override === "include"}
                  onClick={() => props.onDecide("include")}
                >
                  Include <kbd>c</kbd>
                </Button>
                <Button
                  small
                  aria-pressed={row.override === "exclude"}
                  onClick={() => props.onDecide("exclude")}
                >
                  Exclude <kbd>x</kbd>
                </Button>
              </>
            ) : null}
          </div>
          {row.reason ? (
            <FailedNote session={session} name={name} failed={row.state === "failed"} reason={row.reason} />
          ) : null}
          <MoviePicture session={session.id} movie={movie.data} kind="picks" />
          <div className="side-pictures">
            <MoviePicture session={session.id} movie={movie.data} kind="spectrum" />
            {motion.data ? <MotionPlot motion={motion.data} /> : null}
          </div>
          {profile.data ? <ProfilePlot profile={profile.data} height={150} /> : null}
          <dl className="keyvalue dense">
            {NUMBERS.map((key) => {
              const column = columns.get(key);
              const value = (row as Record<string, unknown>)[key];
              if (!column || value === null || value === undefined) return null;
              return (
                <div key={key} className="keyvalue-row">
                  <dt>{column.label}</dt>
                  <dd className="number">{cellWithUnit(column, value)}</dd>
                </div>
              );
            })}
          </dl>
        </>
      ) : null}
    </aside>
  );
}
