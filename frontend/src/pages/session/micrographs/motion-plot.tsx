import { fixed, plural } from "../../../lib/format";
import type { Motion } from "./use-movie";
import "./micrographs.css";

interface Track {
  x: number[];
  y: number[];
}

/** A track without the frames of which nothing is known. */
export function trackOf(x: readonly (number | null)[], y: readonly (number | null)[]): Track {
  const track: Track = { x: [], y: [] };
  for (const [frame, value] of x.entries()) {
    const other = y[frame];
    if (value === null || other === null || other === undefined) continue;
    track.x.push(value);
    track.y.push(other);
  }
  return track;
}

/** Square that holds a track, with a margin; at least 1 Å wide, so that no motion looks like none. */
export function squareAround({ x, y }: Track): { left: number; top: number; size: number } {
  if (!x.length) return { left: -0.5, top: -0.5, size: 1 };
  const [left, right] = [Math.min(...x), Math.max(...x)];
  const [top, bottom] = [Math.min(...y), Math.max(...y)];
  const size = 1.2 * Math.max(1 / 1.2, right - left, bottom - top);
  return { left: (left + right - size) / 2, top: (top + bottom - size) / 2, size };
}

/** Length of a bar that says something: 1, 2 or 5 times a power of ten, up to a third of the width. */
export function barLength(width: number): number {
  const most = width / 3;
  const power = 10 ** Math.floor(Math.log10(most));
  return (most >= 5 * power ? 5 : most >= 2 * power ? 2 : 1) * power;
}

/** How the whole field moved: path in Å, the first frame marked. */
export function MotionPlot({ motion }: { motion: Motion }) {
  const track = trackOf(motion.global_x_a, motion.global_y_a);
  const { left, top, size } = squareAround(track);
  const at = (index: number) => [
    (((track.x[index] ?? 0) - left) / size) * 100,
    (((track.y[index] ?? 0) - top) / size) * 100,
  ];
  const bar = barLength(size);
  const points = track.x.map((_, index) =>
    at(index)
      .map((value) => value.toFixed(2))
      .join(","),
  );
  const [startX, startY] = at(0);
  return (
    <svg
      className="motion-plot"
      viewBox="0 0 100 100"
      role="img"
      aria-label={`Motion over ${plural(track.x.length, "frame")}`}
    >
      <polyline points={points.join(" ")} className="motion-line" />
      {points.map((point, index) => (
        <circle
          // biome-ignore lint/suspicious/noArrayIndexKey: frames have no other name than their number
          key={index}
          cx={point.split(",")[0]}
          cy={point.split(",")[1]}
          r={1.1}
          className="motion-frame"
        />
      ))}
      <circle cx={startX} cy={startY} r={2.6} className="motion-start" />
      <line x1={5} x2={5 + (bar / size) * 100} y1={95} y2={95} className="motion-bar" />
      <text x={5} y={92} className="motion-text">
        {fixed(bar, bar < 1 ? 1 : 0)} Å
      </text>
    </svg>
  );
}

/** Local motion on the picture: how each place moved relative to the whole, made `larger` times as long. */
export function LocalMotionOverlay({ motion, larger }: { motion: Motion; larger: number }) {
  const { width_px: width, height_px: height, pixel_size_a: pixel } = motion;
  const step = larger / pixel;
  return (
    <svg
      className="view-overlay"
      viewBox={`0 0 ${width} ${height}`}
      aria-hidden="true"
      preserveAspectRatio="none"
    >
      {motion.points.map((point) => {
        const track = trackOf(point.x_a, point.y_a);
        const path = track.x.map((x, frame) => {
          const y = track.y[frame] ?? 0;
          return `${(point.x_px + x * step).toFixed(1)},${(point.y_px + y * step).toFixed(1)}`;
        });
        return (
          <g key={`${point.x_px},${point.y_px}`}>
            <polyline points={path.join(" ")} className="local-motion" vectorEffect="non-scaling-stroke" />
            <circle cx={point.x_px} cy={point.y_px} r={width / 200} className="local-start" />
          </g>
        );
      })}
    </svg>
  );
}
