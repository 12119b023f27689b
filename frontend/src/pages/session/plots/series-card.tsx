import { useMemo } from "react";
import type { ColumnInfo, SessionView } from "../../../api/types";
import { cellWithUnit, heading, shownAs } from "../../../lib/columns";
import type { Filter } from "../../../lib/filters";
import { isNumber } from "../../../lib/format";
import { useSeries, type Value } from "../../../movies/use-series";
import { ErrorNote, Waiting } from "../../../ui/feedback";
import { Histogram } from "./histogram";
import { fromShown, limitsOf, type SetRange } from "./limits";
import { PointPlot } from "./point-plot";
import { medianOf, pointsOf } from "./points";
import { useInSight } from "./use-in-sight";

export interface SharedProps {
  session: SessionView;
  filter: Filter;
  kept: readonly boolean[];
  setRange: SetRange;
  onHover: (index: number | null, at: { x: number; y: number }) => void;
  onOpen: (index: number) => void;
}

interface SeriesCardProps extends SharedProps {
  column: ColumnInfo;
  x: readonly Value[];
  xIsTime: boolean;
  /** A quantity that was never measured is named too. */
  evenIfEmpty: boolean;
}

const HEIGHT_PX = 170;

/** One quantity over the session, with its histogram. Read and drawn when it comes into sight. */
export function SeriesCard(props: SeriesCardProps) {
  const { column, session } = props;
  const [place, inSight] = useInSight();
  const series = useSeries(session.id, inSight ? [column.name] : []);
  const values = series.columns[column.name];
  const isEmpty = values !== undefined && !series.pending && !values.some(isNumber);
  if (isEmpty && !props.evenIfEmpty) return null;
  return (
    <section className="panel plot-card" aria-label={heading(column)} ref={place}>
      <h2>{heading(column)}</h2>
      <ErrorNote error={series.error} />
      {inSight && series.pending ? <Waiting /> : null}
      {isEmpty ? <p className="muted plot-empty">not measured in this session</p> : null}
      {values && !series.pending && !isEmpty ? (
        <Drawn {...props} values={values} />
      ) : (
        <div style={{ height: HEIGHT_PX }} />
      )}
    </section>
  );
}

function Drawn(props: SeriesCardProps & { values: readonly Value[] }) {
  const { column, x, values, kept, filter, setRange } = props;
  const { scale } = shownAs(column);
  const points = useMemo(() => pointsOf(x, values, kept, { x: 1, y: scale }), [x, values, kept, scale]);
  const median = useMemo(() => medianOf(points.y, points.kept), [points]);
  return (
    <>
      <p className="small muted plot-median">
        median {isNumber(median) ? cellWithUnit(column, median / scale) : "–"}
      </p>
      <div className="plot-pair">
        <PointPlot
          points={points}
          label={`${heading(column)} by ${props.xIsTime ? "time" : "number"}`}
          xIsTime={props.xIsTime}
          height={HEIGHT_PX}
          brush="y"
          limits={limitsOf(column, filter, "y", setRange)}
          onBrush={({ y }) => setRange(column.name, fromShown(column, y))}
          onHover={props.onHover}
          onOpen={props.onOpen}
        />
        <Histogram
          values={points.y}
          kept={points.kept}
          label={`Histogram of ${heading(column)}`}
          height={HEIGHT_PX}
          limits={limitsOf(column, filter, "x", setRange)}
          onBrush={(range) => setRange(column.name, fromShown(column, range))}
        />
      </div>
    </>
  );
}
