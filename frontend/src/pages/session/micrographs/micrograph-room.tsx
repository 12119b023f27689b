import { useState } from "react";
import type { Movie, SessionView } from "../../../api/types";
import { count, fixed } from "../../../lib/format";
import { mayChange } from "../../../lib/me";
import { Button } from "../../../ui/button";
import { Badge, Note } from "../../../ui/feedback";
import { CheckField } from "../../../ui/field";
import { StateBadge } from "../../../ui/state";
import { MicrographView } from "./micrograph-view";
import { LocalMotionOverlay, MotionPlot } from "./motion-plot";
import { MovieFacts } from "./movie-facts";
import { MoviePicture, pictureUrl } from "./movie-picture";
import { accepted, PickCircles } from "./pick-circles";
import { ProfilePlot } from "./profile-plot";
import { hasStage, useMotion, usePicks, useProfile } from "./use-movie";

/** Local motion is some Å on a field of thousands. */
const MOTION_LARGER = 60;

interface RoomProps {
  session: SessionView;
  movie: Movie;
  onDecide: (wanted: "include" | "exclude") => void;
}

/** The micrograph with everything that was found in it. */
export function MicrographRoom({ session, movie, onDecide }: RoomProps) {
  const [circles, setCircles] = useState(true);
  const [localMotion, setLocalMotion] = useState(false);
  const [ruler, setRuler] = useState(false);
  const [contrast, setContrast] = useState(100);
  const [brightness, setBrightness] = useState(100);
  const [leastScore, setLeastScore] = useState<number | null>(null);
  const profile = useProfile(session.id, movie);
  const motion = useMotion(session.id, movie).data;
  const picks = usePicks(session.id, movie).data;
  const row = movie.columns;
  const threshold = leastScore ?? picks?.threshold ?? 0;
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
        {row.reason ? <Note tone="bad">{row.reason}</Note> : null}
        {hasPicture ? (
          <MicrographView
            src={pictureUrl(session.id, movie, "preview")}
            alt={`Micrograph ${movie.name}`}
            widthA={widthA}
            contrast={contrast}
            brightness={brightness}
            ruler={ruler}
          >
            {picks?.width_px && picks.height_px && picks.pixel_size_a && circles ? (
              <PickCircles
                picks={picks}
                threshold={threshold}
                width={picks.width_px}
                height={picks.height_px}
                pixelSizeA={picks.pixel_size_a}
              />
            ) : null}
            {motion && localMotion ? <LocalMotionOverlay motion={motion} larger={MOTION_LARGER} /> : null}
          </MicrographView>
        ) : (
          <div className="view">
            <p className="picture-missing">there is no picture yet</p>
          </div>
        )}
        <div className="row tools">
          <CheckField
            label={picks ? `Particles (${count(accepted(picks, threshold).length)})` : "Particles"}
            checked={circles}
            disabled={!picks}
            onChange={setCircles}
          />
          {picks ? (
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
          <CheckField label="Ruler" checked={ruler} disabled={widthA === null} onChange={setRuler} />
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
              <MotionPlot motion={motion} />
            ) : (
              <div className="picture no-picture">
                <span className="picture-missing">motion: not yet</span>
              </div>
            )}
            <figcaption className="small muted">motion of the whole field</figcaption>
          </figure>
        </div>
        {profile.data ? <ProfilePlot profile={profile.data} /> : null}
        <MovieFacts session={session} movie={movie} />
      </aside>
    </div>
  );
}

function Slider(props: {
  label: string;
  value: number;
  low: number;
  high: number;
  onChange: (value: number) => void;
}) {
  return (
    <label className="slider">
      {props.label}
      <input
        type="range"
        min={props.low}
        max={props.high}
        value={props.value}
        onChange={(event) => props.onChange(Number(event.target.value))}
      />
    </label>
  );
}

/** Only circles of at least this score are drawn; nothing is picked anew. */
function ScoreSlider(props: {
  picks: readonly (number | null)[];
  value: number;
  saved: number | null;
  onChange: (value: number | null) => void;
}) {
  const scores = props.picks.filter((score) => score !== null);
  const low = Math.min(...scores, props.value);
  const high = Math.max(...scores, props.value);
  if (!(high > low)) return null;
  return (
    <label className="slider">
      Score ≥ {fixed(props.value, 2)}
      <input
        type="range"
        min={low}
        max={high}
        step={(high - low) / 200}
        value={props.value}
        onChange={(event) => props.onChange(Number(event.target.value))}
        onDoubleClick={() => props.onChange(null)}
        title={`Double click: as it was picked (${fixed(props.saved, 2)})`}
      />
    </label>
  );
}
