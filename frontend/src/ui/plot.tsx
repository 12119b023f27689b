import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

interface PlotProps {
  /** uPlot's data: x first, then one array for each series; null where there is no value. */
  data: uPlot.AlignedData;
  /** Everything but the size; a new object makes a new plot, so keep it (useMemo). */
  options: Omit<uPlot.Options, "width" | "height">;
  height: number;
  label: string;
  onReady?: (plot: uPlot) => void;
}

/** A plot that is as wide as its place and is drawn again, not made again, when data come. */
export function Plot({ data, options, height, label, onReady }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const newest = useRef(data);
  newest.current = data;
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = new uPlot(
      { ...options, width: element.clientWidth || 300, height },
      newest.current,
      element,
    );
    plot.current = made;
    onReady?.(made);
    const watcher = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width && width !== made.width) made.setSize({ width, height });
    });
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [options, height, onReady]);
  useEffect(() => {
    plot.current?.setData(data);
  }, [data]);
  return <div className="plot" ref={place} role="img" aria-label={label} />;
}

/** Colours of the theme for what is drawn on a canvas. */
export function themeColour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Axes in the theme's colours. */
export function axis(label: string, more: Partial<uPlot.Axis> = {}): uPlot.Axis {
  return {
    label,
    stroke: () => themeColour("muted"),
    grid: { stroke: () => themeColour("line"), width: 1 },
    ticks: { stroke: () => themeColour("line"), width: 1 },
    font: "12px system-ui, sans-serif",
    labelFont: "600 12px system-ui, sans-serif",
    labelSize: 20,
    ...more,
  };
}
