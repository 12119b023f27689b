import { useMemo } from "react";
import type uPlot from "uplot";
import type { ClassUpdate } from "../../../api/types";
import { axis, Plot, themeColour } from "../../../ui/plot";

/** How the history went: particles and resolution limit by update. */
export function Curves({ updates }: { updates: readonly ClassUpdate[] }) {
  const numbers = useMemo(() => updates.map((update) => update.number), [updates]);
  const particles = useMemo<uPlot.AlignedData>(
    () => [numbers, updates.map((update) => update.particles)],
    [numbers, updates],
  );
  const limits = useMemo<uPlot.AlignedData>(
    () => [numbers, updates.map((update) => update.limit_a)],
    [numbers, updates],
  );
  const particleOptions = useMemo(() => line("accent"), []);
  const limitOptions = useMemo(() => line("warn"), []);
  if (updates.length < 2) return null;
  return (
    <section className="curves" aria-label="Convergence">
      <figure className="panel">
        <figcaption>Particles by update</figcaption>
        <Plot data={particles} options={particleOptions} height={150} label="Particles by update" />
      </figure>
      <figure className="panel">
        <figcaption>Resolution limit by update (Å)</figcaption>
        <Plot data={limits} options={limitOptions} height={150} label="Resolution limit by update" />
      </figure>
    </section>
  );
}

function line(colour: string): Omit<uPlot.Options, "width" | "height"> {
  return {
    scales: { x: { time: false }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.08)] } },
    axes: [axis("", { size: 28, labelSize: 0 }), axis("", { size: 60, labelSize: 0 })],
    series: [{}, { stroke: () => themeColour(colour), width: 2, points: { size: 5 } }],
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
  };
}
