import { useEffect, useMemo, useRef, useState } from "react";
import type uPlot from "uplot";
import type { Range } from "../../../lib/filters";
import { axis, Plot, themeColour } from "../../../ui/plot";
import { barLength } from "../micrographs/motion-plot";
import { drawDots, type Seen } from "./dots";
import { PointWalk } from "./point-walk";
import { nearest, type Points, robustRange } from "./points";
import { Thresholds } from "./threshold";
import { timeAxis } from "./time-axis";

export interface Brush {
  x: Range;
  y: Range;
}

interface PointPlotProps {
  points: Points;
  label: string;
  xLabel?: string;
  yLabel?: string;
  xIsTime?: boolean;
  height: number;
  /** Directions in which a range can be drawn. */
  brush: "x" | "y" | "xy" | "none";
  /** Limits that are drawn as lines to be dragged, in shown units. */
  limits?: { axis: "x" | "y"; range: Range; name: string; onChange: (range: Range) => void }[];
  /** Both axes alike, with the origin in the middle. */
  square?: boolean;
  onBrush?: (brush: Brush) => void;
  onHover?: (index: number | null, at: { x: number; y: number }) => void;
  onOpen?: (index: number) => void;
}

const REACH_PX = 14;

/** Points, one for each movie: those that the filter rejects are faint. */
export function PointPlot(props: PointPlotProps) {
  const { points, square = false, xIsTime = false, xLabel = "", yLabel = "", brush } = props;
  const now = useRef(props);
  now.current = props;
  const [plot, setPlot] = useState<uPlot | null>(null);
  const [, drawn] = useState(0);
  const frame = useRef<HTMLDivElement>(null);
  const data = useMemo<uPlot.AlignedData>(() => [points.x, points.y], [points]);
  const yRange = useMemo(() => robustRange(points.y), [points]);
  const xRange = useMemo(() => robustRange(points.x), [points]);
  const ranges = useRef({ x: xRange, y: yRange });
  ranges.current = { x: xRange, y: yRange };
  const options = useMemo<Omit<uPlot.Options, "width" | "height">>(() => {
    const reach = () => {
      const most = Math.max(...ranges.current.x.map(Math.abs), ...ranges.current.y.map(Math.abs)) || 1;
      return [-most, most] as [number, number];
    };
    const padded = ([low, high]: [number, number]): [number, number] => {
      const margin = 0.04 * (high - low);
      return [low - margin, high + margin];
    };
    return {
      scales: {
        x: { time: xIsTime, range: () => (square ? reach() : padded(ranges.current.x)) },
        y: { range: () => (square ? reach() : padded(ranges.current.y)) },
      },
      axes: [
        xIsTime ? timeAxis() : axis(xLabel, { size: 30, labelSize: xLabel ? 18 : 0 }),
        axis(yLabel, { size: 48, labelSize: yLabel ? 18 : 0 }),
      ],
      series: [{}, { paths: () => null, points: { show: false } }],
      legend: { show: false },
      cursor: {
        points: { show: false },
        drag: { x: brush.includes("x"), y: brush.includes("y"), setScale: false, dist: 4, uni: 30 },
      },
      hooks: {
        draw: [
          (made) => {
            drawPoints(made, now.current.points, square);
            // Limits stand where the scales say.
            if (now.current.limits?.length) drawn((count) => count + 1);
          },
        ],
        setSelect: [(made) => takeBrush(made, now.current)],
      },
    };
  }, [xIsTime, xLabel, yLabel, brush, square]);
  useEffect(() => {
    if (!plot) return;
    return follow(plot, () => now.current);
  }, [plot]);
  return (
    <div className="point-plot" ref={frame}>
      <Plot data={data} options={options} height={props.height} label={props.label} onReady={setPlot} />
      {plot && props.onOpen ? (
        <PointWalk
          plot={plot}
          points={points}
          label={props.label}
          xIsTime={xIsTime}
          onHover={props.onHover}
          onOpen={props.onOpen}
        />
      ) : null}
      {plot && props.limits ? <Thresholds plot={plot} limits={props.limits} /> : null}
    </div>
  );
}

function drawPoints(plot: uPlot, points: Points, rings: boolean): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  if (rings) drawRings(plot);
  const { x, y } = plot.scales;
  const seen: Seen = { x: [x?.min ?? 0, x?.max ?? 1], y: [y?.min ?? 0, y?.max ?? 1] };
  drawDots(ctx, bbox, points, seen, { kept: themeColour("accent"), rejected: themeColour("line-strong") });
  ctx.restore();
}

function drawRings(plot: uPlot): void {
  const { ctx } = plot;
  ctx.strokeStyle = themeColour("line-strong");
  const [x0, y0] = [plot.valToPos(0, "x", true), plot.valToPos(0, "y", true)];
  const most = plot.scales.x?.max ?? 1;
  const step = barLength(1.5 * most);
  for (let tick = step; tick < most; tick += step) {
    const [radiusX, radiusY] = [plot.valToPos(tick, "x", true) - x0, y0 - plot.valToPos(tick, "y", true)];
    ctx.beginPath();
    ctx.ellipse(x0, y0, radiusX, radiusY, 0, 0, 2 * Math.PI);
    ctx.stroke();
  }
}

/** A dragged rectangle becomes a range; the rectangle itself goes. */
function takeBrush(plot: uPlot, props: PointPlotProps): void {
  const { left, top, width, height } = plot.select;
  const over = plot.over.getBoundingClientRect();
  const wide = props.brush.includes("x") && width > 3 && width < over.width - 1;
  const high = props.brush.includes("y") && height > 3 && height < over.height - 1;
  if (!wide && !high) return;
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  props.onBrush?.({
    x: wide ? [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")] : [null, null],
    y: high ? [plot.posToVal(top + height, "y"), plot.posToVal(top, "y")] : [null, null],
  });
}

/** Hovering and clicking: the nearest point counts. */
function follow(plot: uPlot, props: () => PointPlotProps): () => void {
  const { over } = plot;
  let pressed: { x: number; y: number } | null = null;
  const place = (event: MouseEvent) => {
    const box = over.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const find = (event: MouseEvent) => {
    const { points } = props();
    const left = points.x.map((value) => plot.valToPos(value, "x"));
    const top = points.y.map((value) => plot.valToPos(value, "y"));
    const at = nearest(left, top, place(event), REACH_PX);
    return at === null ? null : (points.index[at] ?? null);
  };
  const move = (event: MouseEvent) => {
    if (!event.buttons) props().onHover?.(find(event), { x: event.clientX, y: event.clientY });
  };
  const leave = () => props().onHover?.(null, { x: 0, y: 0 });
  const down = (event: MouseEvent) => {
    pressed = { x: event.clientX, y: event.clientY };
  };
  const click = (event: MouseEvent) => {
    const moved = pressed ? Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) : 99;
    const found = moved < 4 ? find(event) : null;
    if (found !== null) props().onOpen?.(found);
  };
  over.addEventListener("mousemove", move);
  over.addEventListener("mouseleave", leave);
  over.addEventListener("mousedown", down);
  over.addEventListener("click", click);
  return () => {
    over.removeEventListener("mousemove", move);
    over.removeEventListener("mouseleave", leave);
    over.removeEventListener("mousedown", down);
    over.removeEventListener("click", click);
  };
}
