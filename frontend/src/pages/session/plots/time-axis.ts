import type uPlot from "uplot";
import { clock } from "../../../lib/format";
import { axis } from "../../../ui/plot";

/** Times of day by 24 hours, with the date where the day begins anew. */
export function timeAxis(more: Partial<uPlot.Axis> = {}): uPlot.Axis {
  return axis("", {
    size: 42,
    labelSize: 0,
    space: 70,
    values: (_, times) =>
      times.map((time, place) => {
        const day = dayOf(time);
        const before = times[place - 1];
        const hour = clock(time, time);
        return before === undefined || dayOf(before) !== day ? `${hour}\n${day}` : hour;
      }),
    ...more,
  });
}

function dayOf(time: number): string {
  return clock(time, 0).slice(0, 10);
}
