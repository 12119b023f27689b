import { useMemo } from "react";
import type { ColumnInfo } from "../../../api/types";
import { heading, shownAs } from "../../../lib/columns";
import { useParam } from "../../../lib/router";
import { useSeries } from "../../../movies/use-series";
import { Waiting } from "../../../ui/feedback";
import { SelectField } from "../../../ui/field";
import { fromShown, limitsOf } from "./limits";
import { PointPlot } from "./point-plot";
import { pointsOf, polar } from "./points";
import type { SharedProps } from "./series-card";

/** Any quantity against any other, and astigmatism by direction. */
export function ScatterView({ columns, ...shared }: SharedProps & { columns: readonly ColumnInfo[] }) {
  const [across, setAcross] = useParam("across", "defocus_mean_a");
  const [up, setUp] = useParam("up", "ctf_resolution_a");
  const choices = columns.map((column) => [column.name, heading(column)] as const);
  const x = columns.find((column) => column.name === across);
  const y = columns.find((column) => column.name === up);
  return (
    <div className="scatter-grid">
      <section className="panel" aria-label="Scatter of two quantities">
        <div className="row">
          <SelectField label="Across" value={across} choices={choices} onChange={setAcross} />
          <SelectField label="Up" value={up} choices={choices} onChange={setUp} />
        </div>
        {x && y ? <Scatter x={x} y={y} {...shared} /> : null}
      </section>
      <Polar {...shared} />
    </div>
  );
}

function Scatter({ x, y, ...shared }: SharedProps & { x: ColumnInfo; y: ColumnInfo }) {
  const { filter, setRange, kept } = shared;
  const series = useSeries(shared.session.id, [x.name, y.name]);
  const { columns } = series;
  const points = useMemo(
    () =>
      pointsOf(columns[x.name] ?? [], columns[y.name] ?? [], kept, {
        x: shownAs(x).scale,
        y: shownAs(y).scale,
      }),
    [columns, x, y, kept],
  );
  if (series.pending) return <Waiting />;
  if (!points.x.length) return <p className="muted plot-empty">not measured in this session</p>;
  return (
    <PointPlot
      points={points}
      label={`${heading(y)} against ${heading(x)}`}
      xLabel={heading(x)}
      yLabel={heading(y)}
      height={460}
      brush="xy"
      limits={[...limitsOf(x, filter, "x", setRange), ...limitsOf(y, filter, "y", setRange)]}
      onBrush={(brush) => {
        if (brush.x.some((bound) => bound !== null)) setRange(x.name, fromShown(x, brush.x));
        if (brush.y.some((bound) => bound !== null)) setRange(y.name, fromShown(y, brush.y));
      }}
      onHover={shared.onHover}
      onOpen={shared.onOpen}
    />
  );
}

/** Astigmatism of each movie by its direction: a cloud off the middle asks for alignment of the microscope. */
function Polar({ session, kept, onHover, onOpen }: SharedProps) {
  const series = useSeries(session.id, ["astigmatism_angle_deg", "astigmatism_a"]);
  const { astigmatism_angle_deg: angle = [], astigmatism_a: size = [] } = series.columns;
  const points = useMemo(() => polar(angle, size, kept), [angle, size, kept]);
  return (
    <section className="panel" aria-label="Astigmatism by direction">
      <h2>Astigmatism by direction (Å)</h2>
      <p className="small muted">
        Each movie stands on both sides, since an axis has no direction. A cloud around the middle is good.
      </p>
      {series.pending ? <Waiting /> : null}
      {points.x.length ? (
        <div className="polar">
          <PointPlot
            points={points}
            label="Astigmatism by direction"
            height={Math.min(420, window.innerWidth - 60)}
            brush="none"
            square
            onHover={onHover}
            onOpen={onOpen}
          />
        </div>
      ) : (
        <p className="muted plot-empty">not measured in this session</p>
      )}
    </section>
  );
}
