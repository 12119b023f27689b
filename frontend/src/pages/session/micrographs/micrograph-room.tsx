import { useMemo, useState } from "react";
import type { Movie, SessionView } from "../../../api/types";
import { count } from "../../../lib/format";
import { mayChange } from "../../../lib/me";
import { FailedNote } from "../../../movies/failed-note";
import { Boundary } from "../../../ui/boundary";
import { Button } from "../../../ui/button";
import { Badge } from "../../../ui/feedback";
import { CheckField } from "../../../ui/field";
import { StateBadge } from "../../../ui/state";
import { ByHand, EditBar } from "./edit-bar";
import { MicrographView } from "./micrograph-view";
import { LocalMotionOverlay, MotionPlot } from "./motion-plot";
import { MovieFacts } from "./movie-facts";
import { MoviePicture, pictureUrl } from "./movie-picture";
import { decided, editAt } from "./particles";
import { PickCircles } from "./pick-circles";
import { ProfilePlot } from "./profile-plot";
import { ScoreSlider, Slider } from "./sliders";
import { useEdits } from "./use-edits";
import { hasStage, useMotion, usePicks, useProfile } from "./use-movie";

/** Local motion is some Å on a field of thousands. */
const MOTION_LARGER = 60;

interface RoomProps {
  session: SessionView;
  movie: Movie;
  onDecide: (wanted: "include" | "exclude") => void;
  /** Particles are changed by hand: the page stays on this micrograph. */
  editing: boolean;
  onEditing: (editing: boolean) => void;
}

/** The micrograph with everything that was found in it. */
export function MicrographRoom({ session, movie, onDecide, ...props }: RoomProps) {
  const [circles, setCircles] = useState(true);
  const [scores, setScores] = useState(false);
  const [localMotion, setLocalMotion] = useState(false);
  const [ruler, setRuler] = useState(false);
  const [contrast, setContrast] = useState(100);
  const [brightness, setBrightness] = useState(100);
  const [leastScore, setLeastScore] = useState<number | null>(null);
  const profile = useProfile(session.id, movie);
  const motion = useMotion(session.id, movie).data;
  const picks = usePicks(session.id, movie).data;
  const edits = useEdits(session.id, movie);
  const row = movie.columns;
  const editing = Boolean(props.editing && picks?.width_px && mayChange(session));
  const threshold = (editing ? null : leastScore) ?? picks?.threshold ?? 0;
  const particles = useMemo(
    () => (picks ? decided(picks, edits.manual, edits.edits, threshold).particles : []),
    [picks, edits.manual, edits.edits, threshold],
  );
  const widthA = motion
    ? motion.width_px * motion.pixel_size_a
    : picks?.width_px && picks.pixel_size_a
      ? picks.width_px * picks.pixel_size_a
      : null;
  const hasPicture = hasStage(movie, "sum");
  return (
    <div className="micrograph-room">
      <section className="stack" aria-label={`Micrograph ${movie.name}`}>
        <div className="row tight">
          <h2 className="truncate" title={movie.name}>
            {movie.name}
          </h2>
          <StateBadge state={String(row.state)} />
          {row.override === "auto" ? null : (
            <Badge tone={row.override === "include" ? "good" : "bad"}>{row.override}d by hand</Badge>
          )}
          {mayChange(session) ? (
            <>
              <Button small aria-pressed={row.override === "include"} onClick={() => onDecide("include")}>
                Include <kbd>c</kbd>
              </Button>
              <Button small aria-pressed={row.override === "exclude"} onClick={() => onDecide("exclude")}>
                Exclude <kbd>x</kbd>
              </Button>
            </>
          ) : null}
        </div>
        {row.reason ? (
          <FailedNote
            session={session}
            name={movie.name}
            failed={row.state === "failed"}
            reason={row.reason}
          />
        ) : null}
        {hasPicture ? (
          <MicrographView
            src={pictureUrl(session.id, movie, "preview")}
            alt={`Micrograph ${movie.name}`}
            widthA={widthA}
            contrast={contrast}
            brightness={brightness}
            ruler={ruler && !editing}
            onClick={
              editing && picks?.width_px && picks.height_px && picks.pixel_size_a
                ? ({ x, y }) => {
                    const { width_px: width, height_px: height, pixel_size_a: sizeA } = picks;
                    if (!width || !height || !sizeA) return;
                    const place = { x: (x * width - 0.5) * sizeA, y: (y * height - 0.5) * sizeA };
                    const edit = editAt(place, particles, picks);
                    if (edit) edits.add(edit);
                  }
                : undefined
            }
          >
            {picks?.width_px && picks.height_px && picks.pixel_size_a && (circles || editing) ? (
              <PickCircles
                particles={particles}
                picks={picks}
                threshold={threshold}
                width={picks.width_px}
                height={picks.height_px}
                pixelSizeA={picks.pixel_size_a}
                scores={scores}
              />
            ) : null}
            {motion && localMotion ? <LocalMotionOverlay motion={motion} larger={MOTION_LARGER} /> : null}
          </MicrographView>
        ) : (
          <div className="view">
            <p className="picture-missing">
              {row.state === "failed" ? "no picture: it failed before" : "no picture yet"}
            </p>
          </div>
        )}
        {editing && picks ? <EditBar session={session.id} movie={movie} picks={picks} edits={edits} /> : null}
        <div className="row tools">
          <CheckField
            label={picks ? `Particles (${count(particles.length)})` : "Particles"}
            checked={circles || editing}
            disabled={!picks || editing}
            onChange={setCircles}
          />
          <CheckField
            label="Values"
            checked={scores}
            disabled={!picks || !(circles || editing)}
            onChange={setScores}
          />
          {mayChange(session) ? (
            <Button
              small
              aria-pressed={editing}
              disabled={!picks?.width_px}
              title={picks ? undefined : "Possible once it was picked"}
              onClick={() => props.onEditing(!editing)}
            >
              Edit particles
            </Button>
          ) : null}
          <ByHand edits={edits} />
          {picks && !editing ? (
            <ScoreSlider
              picks={picks.score}
              value={threshold}
              saved={picks.threshold}
              onChange={setLeastScore}
            />
          ) : null}
          <CheckField
            label={`Local motion (${MOTION_LARGER}×)`}
            checked={localMotion}
            disabled={!motion?.points.length}
            onChange={setLocalMotion}
          />
          <CheckField
            label="Ruler"
            checked={ruler}
            disabled={widthA === null || editing}
            onChange={setRuler}
          />
          <Slider label="Contrast" value={contrast} low={40} high={300} onChange={setContrast} />
          <Slider label="Brightness" value={brightness} low={40} high={200} onChange={setBrightness} />
          {contrast === 100 && brightness === 100 ? null : (
            <Button
              small
              onClick={() => {
                setContrast(100);
                setBrightness(100);
              }}
            >
              As made
            </Button>
          )}
        </div>
      </section>
      <aside className="stack" aria-label="What was measured">
        <div className="side-by-side">
          <figure>
            <MoviePicture session={session.id} movie={movie} kind="spectrum" />
            <figcaption className="small muted">measured left · ring average, fit right</figcaption>
          </figure>
          <figure>
            {motion ? (
              <Boundary what="The motion">
                <MotionPlot motion={motion} />
              </Boundary>
            ) : (
              <div className="picture no-picture">
                <span className="picture-missing">
                  motion: {row.state === "failed" ? "not measured" : "not yet"}
                </span>
              </div>
            )}
            <figcaption className="small muted">motion of the whole field</figcaption>
          </figure>
        </div>
        <Boundary what="The profile of the spectrum">
          {profile.data ? <ProfilePlot profile={profile.data} /> : null}
        </Boundary>
        <Boundary what="The list of numbers">
          <MovieFacts session={session} movie={movie} />
        </Boundary>
      </aside>
    </div>
  );
}
