import { memo } from "react";
import type { Picks } from "./use-movie";

/** Candidates of at least this score. */
export function accepted(picks: Picks, threshold: number): number[] {
  const found: number[] = [];
  for (const [index, score] of picks.score.entries()) {
    if (score !== null && score >= threshold) found.push(index);
  }
  return found;
}

/** Circles around particles; the weaker the score, the fainter. */
export const PickCircles = memo(function PickCircles(props: {
  picks: Picks;
  threshold: number;
  width: number;
  height: number;
  pixelSizeA: number;
}) {
  const { picks, threshold, width, height } = props;
  const radius = (picks.diameter_a ?? 100) / 2 / props.pixelSizeA;
  const chosen = accepted(picks, threshold);
  const best = picks.score[0] ?? threshold;
  return (
    <svg
      className="view-overlay"
      viewBox={`0 0 ${width} ${height}`}
      aria-hidden="true"
      preserveAspectRatio="none"
    >
      {chosen.map((index) => {
        const score = picks.score[index] ?? threshold;
        const strength = best > threshold ? (score - threshold) / (best - threshold) : 1;
        return (
          <circle
            key={index}
            cx={(picks.x_px[index] ?? 0) + 0.5}
            cy={(picks.y_px[index] ?? 0) + 0.5}
            r={radius}
            className="pick"
            style={{ opacity: 0.45 + 0.55 * strength }}
            vectorEffect="non-scaling-stroke"
          />
        );
      })}
    </svg>
  );
});
