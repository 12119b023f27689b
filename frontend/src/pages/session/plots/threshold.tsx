import { type KeyboardEvent, type PointerEvent, useState } from "react";
import type uPlot from "uplot";
import type { Range } from "../../../lib/filters";
import { significant } from "../../../lib/format";

export interface Limit {
  axis: "x" | "y";
  range: Range;
  name: string;
  onChange: (range: Range) => void;
}

/** Limits of the filter as lines over a plot: to be dragged, or moved by arrow keys. */
export function Thresholds({ plot, limits }: { plot: uPlot; limits: readonly Limit[] }) {
  return limits.flatMap((limit) =>
    limit.range.map((value, end) =>
      value === null ? null : (
        <Line
          key={`${limit.axis}-${end === 0 ? "low" : "high"}`}
          plot={plot}
          axis={limit.axis}
          value={value}
          label={`${limit.name}, ${end === 0 ? "at least" : "at most"}`}
          onChange={(next) => limit.onChange(end === 0 ? [next, limit.range[1]] : [limit.range[0], next])}
        />
      ),
    ),
  );
}

function Line(props: {
  plot: uPlot;
  axis: "x" | "y";
  value: number;
  label: string;
  onChange: (value: number) => void;
}) {
  const { plot, axis } = props;
  const [dragged, setDragged] = useState<number | null>(null);
  const shown = dragged ?? props.value;
  const { offsetLeft, offsetTop, clientWidth, clientHeight } = plot.over;
  const position = plot.valToPos(shown, axis);
  const inside = position >= -1 && position <= (axis === "x" ? clientWidth : clientHeight) + 1;
  const scale = plot.scales[axis];
  const [low, high] = [scale?.min ?? 0, scale?.max ?? 1];
  if (!inside || !Number.isFinite(position)) return null;
  const valueAt = (event: PointerEvent) => {
    const box = plot.over.getBoundingClientRect();
    const px = axis === "x" ? event.clientX - box.left : event.clientY - box.top;
    return Math.min(high, Math.max(low, plot.posToVal(px, axis)));
  };
  const press = (event: KeyboardEvent) => {
    const up = event.key === "ArrowUp" || event.key === "ArrowRight";
    if (!up && event.key !== "ArrowDown" && event.key !== "ArrowLeft") return;
    event.preventDefault();
    event.stopPropagation();
    props.onChange(props.value + ((up ? 1 : -1) * (high - low)) / 100);
  };
  const style =
    axis === "x"
      ? { left: offsetLeft + position, top: offsetTop, height: clientHeight }
      : { left: offsetLeft, top: offsetTop + position, width: clientWidth };
  return (
    <div
      className={`threshold threshold-${axis}`}
      style={style}
      role="slider"
      tabIndex={0}
      aria-label={props.label}
      aria-orientation={axis === "x" ? "horizontal" : "vertical"}
      aria-valuenow={shown}
      aria-valuemin={low}
      aria-valuemax={high}
      aria-valuetext={significant(shown)}
      onKeyDown={press}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setDragged(shown);
      }}
      onPointerMove={(event) => {
        if (dragged !== null) setDragged(valueAt(event));
      }}
      onPointerUp={(event) => {
        if (dragged === null) return;
        setDragged(null);
        props.onChange(valueAt(event));
      }}
    >
      <span>{significant(shown)}</span>
    </div>
  );
}
