import { useMemo } from "react";
import type uPlot from "uplot";
import type { ClassUpdate } from "../../../api/types";
import { axis, Plot, themeColour } from "../../../ui/plot";
import { type Curve, curvesOf, rangeOf, runStarts } from "./curve-points";

/** Whether the classes still change: evidence, particles that moved, resolution and more, by update. */
export function Curves({ updates }: { updates: readonly ClassUpdate[] }) {
  const curves = useMemo(() => curvesOf(updates), [updates]);
  if (!curves.length) return null;
  return (
    <section className="curves" aria-label="Convergence">
      {curves.map((curve) => (
        <CurveCard key={curve.name} curve={curve} updates={updates} />
      ))}
    </section>
  );
}

function CurveCard({ curve, updates }: { curve: Curve; updates: readonly ClassUpdate[] }) {
  const data = useMemo<uPlot.AlignedData>(
    () => [updates.map((update) => update.number), curve.values],
    [updates, curve.values],
  );
  const { colour, fromZero } = curve;
  // As text, so that a plot is only made anew when another run began.
  const starts = runStarts(updates).join(" ");
  const options = useMemo(() => line(colour, fromZero, starts), [colour, fromZero, starts]);
  return (
    <figure className="panel">
      <figcaption>{curve.label}</figcaption>
      <Plot data={data} options={options} height={150} label={`${curve.label} by update`} />
    </figure>
  );
}

function line(colour: string, fromZero: boolean, starts: string): Omit<uPlot.Options, "width" | "height"> {
  const numbers = starts ? starts.split(" ").map(Number) : [];
  return {
    scales: {
      x: { time: false },
      y: { range: (_, least, most) => rangeOf(least ?? 0, most ?? 1, fromZero) },
    },
    axes: [axis("", { size: 28, labelSize: 0 }), axis("", { size: 60, labelSize: 0 })],
    series: [{}, { stroke: () => themeColour(colour), width: 2, points: { size: 5 } }],
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    hooks: { drawAxes: [(plot) => markRuns(plot, numbers)] },
  };
}

/** A dashed line where another run began. */
function markRuns(plot: uPlot, starts: readonly number[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = themeColour("muted");
  ctx.setLineDash([4, 4]);
  for (const number of starts) {
    const x = plot.valToPos(number - 0.5, "x", true);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}
