/** The state of a track or movie: colour, shape and word together, since colour alone says nothing to some. */

import type { Tone } from "./feedback";

const TONES: Record<string, Tone> = {
  running: "good",
  idle: "good",
  done: "good",
  starting: "busy",
  stopping: "busy",
  clearing: "busy",
  processing: "busy",
  transferring: "busy",
  settling: "busy",
  paused: "warn",
  outdated: "warn",
  failed: "bad",
  stopped: "plain",
  waiting: "plain",
  queued: "plain",
  ignored: "plain",
};

export function toneOf(state: string): Tone {
  return TONES[state] ?? "plain";
}

const SHAPES: Record<Tone, string> = {
  good: "M5 1a4 4 0 1 1 0 8 4 4 0 0 1 0-8Z",
  busy: "M5 0 10 5 5 10 0 5Z",
  warn: "M5 .500 10 9.500H0Z",
  bad: "M1 1l8 8M9 1 1 9",
  plain: "M5 1.500a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7Z",
};

export function StateDot({ state, label }: { state: string; label?: string }) {
  const tone = toneOf(state);
  const isLine = tone === "bad" || tone === "plain";
  return (
    <svg
      className={`dot dot-${tone}`}
      viewBox="0 0 10 10"
      role={label ? "img" : undefined}
      aria-label={label}
      aria-hidden={label ? undefined : true}
    >
      {label ? <title>{label}</title> : null}
      <path
        d={SHAPES[tone]}
        fill={isLine ? "none" : "currentColor"}
        stroke={isLine ? "currentColor" : "none"}
        strokeWidth={2}
        strokeLinecap="round"
      />
    </svg>
  );
}

export function StateBadge({ state, children }: { state: string; children?: string }) {
  return (
    <span className={`badge ${toneOf(state)}`}>
      <StateDot state={state} />
      {children ?? state}
    </span>
  );
}
