import { memo } from "react";
import type { Particle } from "./particles";
import type { Picks } from "./use-movie";

/** Circles around particles: the weaker the score, the fainter; what a person added has a dashed one. */
export const PickCircles = memo(function PickCircles(props: {
  particles: readonly Particle[];
  picks: Picks;
  threshold: number;
  width: number;
  height: number;
  pixelSizeA: number;
  /** The score stands beside each circle. */
  scores: boolean;
}) {
  const { particles, picks, threshold, width, height, pixelSizeA } = props;
  const radius = (picks.diameter_a ?? 100) / 2 / pixelSizeA;
  const best = picks.score[0] ?? threshold;
  return (
    <svg
      className="view-overlay"
      viewBox={`0 0 ${width} ${height}`}
      aria-hidden="true"
      preserveAspectRatio="none"
    >
      {particles.map(({ x, y, candidate, score }, index) => {
        const strength = score !== null && best > threshold ? (score - threshold) / (best - threshold) : 1;
        return (
          <circle
            key={candidate ?? `by hand ${index}`}
            cx={x / pixelSizeA + 0.5}
            cy={y / pixelSizeA + 0.5}
            r={radius}
            className={candidate === null ? "pick by-hand" : "pick"}
            style={{ opacity: 0.45 + 0.55 * strength }}
            vectorEffect="non-scaling-stroke"
          />
        );
      })}
      {props.scores
        ? particles.map(({ x, y, candidate, score }) =>
            score === null ? null : (
              <text
                key={candidate}
                className="pick-score"
                x={x / pixelSizeA + 0.5}
                y={y / pixelSizeA + 0.5 + 1.5 * radius}
                fontSize={0.55 * radius}
              >
                {score.toFixed(1)}
              </text>
            ),
          )
        : null}
    </svg>
  );
});
