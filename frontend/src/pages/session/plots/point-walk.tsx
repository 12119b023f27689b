import { type KeyboardEvent, useState } from "react";
import type uPlot from "uplot";
import { clock, significant } from "../../../lib/format";
import type { Points } from "./points";

interface PointWalkProps {
  plot: uPlot;
  points: Points;
  label: string;
  xIsTime: boolean;
  onHover?: ((index: number | null, at: { x: number; y: number }) => void) | undefined;
  onOpen?: ((index: number) => void) | undefined;
}

/** The points of a plot by keys: arrows go from one to the next along the horizontal axis, Enter opens the movie. */
export function PointWalk({ plot, points, label, xIsTime, onHover, onOpen }: PointWalkProps) {
  const [chosen, setChosen] = useState<number | null>(null);
  const [, measure] = useState(0);
  const last = points.x.length - 1;
  const place = Math.min(chosen ?? last, last);
  if (place < 0) return null;
  const [x, y] = [points.x[place] ?? 0, points.y[place] ?? 0];
  const { offsetLeft, offsetTop, clientWidth, clientHeight } = plot.over;
  const positionOf = (at: number) => ({
    left: within(plot.valToPos(points.x[at] ?? 0, "x"), clientWidth),
    top: within(plot.valToPos(points.y[at] ?? 0, "y"), clientHeight),
  });
  const go = (wanted: number) => {
    const at = Math.min(last, Math.max(0, wanted));
    setChosen(at);
    const { left, top } = positionOf(at);
    const box = plot.over.getBoundingClientRect();
    onHover?.(points.index[at] ?? null, { x: box.left + left, y: box.top + top });
  };
  const press = (event: KeyboardEvent) => {
    const far = Math.max(1, Math.round((last + 1) / 20));
    const moves: Record<string, number> = {
      ArrowRight: place + 1,
      ArrowUp: place + 1,
      ArrowLeft: place - 1,
      ArrowDown: place - 1,
      PageUp: place + far,
      PageDown: place - far,
      Home: 0,
      End: last,
    };
    const wanted = moves[event.key];
    const index = points.index[place];
    if (wanted !== undefined) go(wanted);
    else if (event.key === "Enter" && index !== undefined) onOpen?.(index);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const leave = () => {
    setChosen(null);
    onHover?.(null, { x: 0, y: 0 });
  };
  return (
    <div
      className="point-walk"
      style={{ left: offsetLeft, top: offsetTop, width: clientWidth, height: clientHeight }}
      role="slider"
      tabIndex={0}
      aria-label={`Points of ${label}`}
      aria-valuemin={1}
      aria-valuemax={last + 1}
      aria-valuenow={place + 1}
      aria-valuetext={`${xIsTime ? clock(x) : Number(x.toPrecision(6))}: ${significant(y)}`}
      onKeyDown={press}
      // The plot may have been made wider meanwhile.
      onFocus={() => measure((count) => count + 1)}
      onBlur={leave}
    >
      {chosen === null ? null : <span className="point-chosen" style={positionOf(place)} />}
    </div>
  );
}

/** Points beyond an edge stand at it. */
function within(px: number, most: number): number {
  return Math.min(most, Math.max(0, px));
}
