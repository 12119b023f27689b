import { useMemo } from "react";
import uPlot from "uplot";
import type { SessionView } from "../../../api/types";
import { duration } from "../../../lib/format";
import { useSeries } from "../../../movies/use-series";
import { ErrorNote, Waiting } from "../../../ui/feedback";
import { axis, Plot, themeColour } from "../../../ui/plot";
import { ratesOf } from "./points";
import { timeAxis } from "./time-axis";

const COLUMNS = ["found_at", "transferred_at", "done_at", "state"];

/** Movies per hour, and how many wait. */
export function RatesView({ session }: { session: SessionView }) {
  const series = useSeries(session.id, COLUMNS);
  const rates = useMemo(() => ratesOf(series.columns), [series.columns]);
  const perHour = useMemo<uPlot.AlignedData>(
    () => [rates.time, rates.found, rates.transferred, rates.done],
    [rates],
  );
  const backlog = useMemo<uPlot.AlignedData>(() => [rates.time, rates.backlog], [rates]);
  const perHourOptions = useMemo(() => lines(["muted", "busy", "good"]), []);
  const backlogOptions = useMemo(() => lines(["warn"]), []);
  if (series.pending) return <Waiting />;
  if (!rates.time.length) return <ErrorNote error={series.error} />;
  return (
    <div className="plot-grid">
      <section className="panel" aria-label="Throughput">
        <h2>Movies per hour</h2>
        <p className="plot-key small">
          <span className="key-muted">found</span> <span className="key-busy">transferred</span>{" "}
          <span className="key-good">done</span>{" "}
          <span className="muted">in steps of {duration(rates.stepS)}</span>
        </p>
        <Plot
          data={perHour}
          options={perHourOptions}
          height={300}
          label="Movies found, transferred and done per hour"
        />
      </section>
      <section className="panel" aria-label="Backlog">
        <h2>Backlog</h2>
        <p className="plot-key small">
          <span className="key-warn">movies transferred and not yet done</span>
        </p>
        <Plot data={backlog} options={backlogOptions} height={300} label="Movies that wait" />
      </section>
    </div>
  );
}

function lines(colours: readonly string[]): Omit<uPlot.Options, "width" | "height"> {
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  return {
    scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.08)] } },
    axes: [timeAxis(), axis("", { size: 52, labelSize: 0 })],
    series: [
      {},
      ...colours.map((colour) => ({
        stroke: () => themeColour(colour),
        width: 2,
        points: { show: false },
        ...(stepped ? { paths: stepped } : {}),
      })),
    ],
    legend: { show: false },
    cursor: { drag: { x: true, y: false } },
  };
}
