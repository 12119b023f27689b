import { useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import type { Range } from "../../../lib/filters";
import { axis, Plot, themeColour } from "../../../ui/plot";
import { binned, robustRange } from "./points";
import { type Limit, Thresholds } from "./threshold";

interface HistogramProps {
  values: readonly number[];
  kept: readonly boolean[];
  label: string;
  xLabel?: string;
  height: number;
  limits: readonly Limit[];
  onBrush: (range: Range) => void;
}

/** How often values occur: all of them faint, those that the filter keeps before them. */
export function Histogram({ values, kept, label, xLabel = "", height, limits, onBrush }: HistogramProps) {
  const [plot, setPlot] = useState<uPlot | null>(null);
  const [, drawn] = useState(0);
  const range = useMemo(() => robustRange(values), [values]);
  const data = useMemo<uPlot.AlignedData>(() => {
    const bins = binned(values, kept, range);
    return [bins.centre, bins.all, bins.kept];
  }, [values, kept, range]);
  const now = useRef({ range, limits, onBrush });
  now.current = { range, limits, onBrush };
  const options = useMemo<Omit<uPlot.Options, "width" | "height">>(() => {
    const bars = uPlot.paths.bars?.({ size: [1, 60], gap: 1 });
    const paths = bars ? { paths: bars } : {};
    return {
      scales: {
        x: { time: false, range: () => [...now.current.range] },
        y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] },
      },
      axes: [
        axis(xLabel, { space: 36, size: 30, labelSize: xLabel ? 18 : 0 }),
        axis("", { size: 54, labelSize: 0, grid: { show: false } }),
      ],
      series: [
        {},
        { ...paths, fill: () => themeColour("line-strong"), stroke: "transparent", points: { show: false } },
        { ...paths, fill: () => themeColour("accent"), stroke: "transparent", points: { show: false } },
      ],
      legend: { show: false },
      cursor: { points: { show: false }, drag: { x: true, y: false, setScale: false, dist: 4 } },
      hooks: {
        draw: [() => now.current.limits.length && drawn((count) => count + 1)],
        setSelect: [
          (made) => {
            const { left, width } = made.select;
            if (width <= 3) return;
            made.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            now.current.onBrush([made.posToVal(left, "x"), made.posToVal(left + width, "x")]);
          },
        ],
      },
    };
  }, [xLabel]);
  return (
    <div className="point-plot">
      <Plot data={data} options={options} height={height} label={label} onReady={setPlot} />
      {plot ? <Thresholds plot={plot} limits={limits} /> : null}
    </div>
  );
}
