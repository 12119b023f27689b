import { useMemo } from "react";
import type uPlot from "uplot";
import { significant } from "../../../lib/format";
import { axis, Plot, themeColour } from "../../../ui/plot";
import type { Profile } from "./use-movie";
import "./micrographs.css";

/** 1D CTF: measured profile, fit, and how well they agree. */
export function ProfilePlot({ profile, height = 200 }: { profile: Profile; height?: number }) {
  const data = useMemo<uPlot.AlignedData>(() => {
    const { frequency_per_a: x, spectrum, fit, agreement } = profile;
    const known = x.map((value, index) => ({ value, index })).filter(({ value }) => value !== null);
    const take = (values: readonly (number | null)[]) => known.map(({ index }) => values[index] ?? null);
    return [known.map(({ value }) => value as number), take(spectrum), take(fit), take(agreement)];
  }, [profile]);
  const options = useMemo<Omit<uPlot.Options, "width" | "height">>(
    () => ({
      scales: {
        x: { time: false },
        y: { range: (_, low, high) => [Math.min(-0.1, low), Math.max(1.1, high)] },
      },
      axes: [
        axis("", {
          size: 26,
          labelSize: 0,
          values: (_, ticks) => ticks.map((tick) => (tick ? `${significant(1 / tick, 2)} Å` : "")),
        }),
        axis("", { size: 42, labelSize: 0 }),
      ],
      series: [
        {},
        { label: "spectrum", stroke: () => themeColour("muted"), width: 1 },
        { label: "fit", stroke: () => themeColour("warn"), width: 1.5 },
        { label: "agreement", stroke: () => themeColour("accent"), width: 1.5 },
      ],
      legend: { show: false },
      cursor: { drag: { x: true, y: false } },
    }),
    [],
  );
  return (
    <figure className="profile-plot">
      <Plot data={data} options={options} height={height} label="1D CTF: spectrum, fit and their agreement" />
      <figcaption className="small plot-key">
        <span className="key-muted">spectrum</span> <span className="key-warn">fit</span>{" "}
        <span className="key-accent">agreement (CC)</span>
      </figcaption>
    </figure>
  );
}
