/** Values of movies as points, bins and rates: what plots draw. */

import { type Filter, passes } from "../../../lib/filters";
import { isNumber } from "../../../lib/format";
import type { Value } from "../../../movies/use-series";

export interface Points {
  x: number[];
  y: number[];
  /** Place of each point's movie in the columns. */
  index: number[];
  kept: boolean[];
}

/** Pairs of two columns where both are known, by rising x, in shown units. */
export function pointsOf(
  x: readonly Value[],
  y: readonly Value[],
  kept: readonly boolean[],
  scale: { x: number; y: number },
): Points {
  const order: number[] = [];
  for (let place = 0; place < x.length; place++) {
    if (isNumber(x[place]) && isNumber(y[place])) order.push(place);
  }
  const value = (place: number) => x[place] as number;
  let sorted = true;
  for (let at = 1; at < order.length && sorted; at++) {
    sorted = value(order[at - 1] ?? 0) <= value(order[at] ?? 0);
  }
  if (!sorted) order.sort((a, b) => value(a) - value(b));
  return {
    x: order.map((place) => value(place) * scale.x),
    y: order.map((place) => (y[place] as number) * scale.y),
    index: order,
    kept: order.map((place) => kept[place] ?? true),
  };
}

/** Which movies the filter keeps, by place. */
export function keptOf(
  filter: Filter,
  columns: Readonly<Record<string, readonly Value[]>>,
  count: number,
): boolean[] {
  const used = [
    "name",
    "path",
    "state",
    "override",
    "grid_square",
    "foil_hole",
    "optics_group",
    ...Object.keys(filter.ranges),
  ];
  const present = used.filter((name) => columns[name]);
  const kept = new Array<boolean>(count);
  const movie: Record<string, unknown> = {};
  for (let place = 0; place < count; place++) {
    for (const name of present) movie[name] = columns[name]?.[place];
    kept[place] = passes(filter, movie);
  }
  return kept;
}

const sortedBefore = new WeakMap<readonly number[], Float64Array>();

/** Values by size; the same array, which must not be changed, is sorted only once. */
function sortedOf(values: readonly number[]): Float64Array {
  let sorted = sortedBefore.get(values);
  if (!sorted) {
    sorted = Float64Array.from(values).sort();
    sortedBefore.set(values, sorted);
  }
  return sorted;
}

/** Median of the values that are kept; null without any. */
export function medianOf(values: readonly number[], kept: readonly boolean[]): number | null {
  const counted = kept.every(Boolean) ? values : values.filter((_, place) => kept[place]);
  const sorted = sortedOf(counted);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}

/** Lowest and highest value worth drawing: a few outliers stand at the edge instead of stretching the axis. */
export function robustRange(values: readonly number[]): [number, number] {
  if (!values.length) return [0, 1];
  const sorted = sortedOf(values);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  const [low, high] = [at(0.005), at(0.995)];
  const margin = 0.25 * (high - low);
  const least = Math.max(at(0), low - margin);
  const most = Math.min(at(1), high + margin);
  if (most > least) return [least, most];
  const around = Math.abs(least) * 0.05 || 1;
  return [least - around, most + around];
}

export interface Bins {
  /** Middle of each bin. */
  centre: number[];
  all: number[];
  kept: number[];
  width: number;
}

/** Count values in bins of equal width; those beyond the edges are counted in the outermost ones. */
export function binned(
  values: readonly number[],
  kept: readonly boolean[],
  range: readonly [number, number],
  wanted = 30,
): Bins {
  const [low, high] = range;
  const width = (high - low) / wanted;
  const bins: Bins = {
    centre: Array.from({ length: wanted }, (_, bin) => low + (bin + 0.5) * width),
    all: new Array<number>(wanted).fill(0),
    kept: new Array<number>(wanted).fill(0),
    width,
  };
  for (const [place, value] of values.entries()) {
    const bin = Math.min(wanted - 1, Math.max(0, Math.floor((value - low) / width)));
    bins.all[bin] = (bins.all[bin] ?? 0) + 1;
    if (kept[place]) bins.kept[bin] = (bins.kept[bin] ?? 0) + 1;
  }
  return bins;
}

/** Polar values as points: an axis has no direction, so each stands on both sides. */
export function polar(
  angleDeg: readonly Value[],
  length: readonly Value[],
  kept: readonly boolean[],
): Points {
  const found: { x: number; y: number; place: number }[] = [];
  for (let place = 0; place < angleDeg.length; place++) {
    const [angle, radius] = [angleDeg[place], length[place]];
    if (!isNumber(angle) || !isNumber(radius)) continue;
    const [x, y] = [radius * Math.cos((angle * Math.PI) / 180), radius * Math.sin((angle * Math.PI) / 180)];
    found.push({ x, y, place }, { x: -x, y: -y, place });
  }
  found.sort((a, b) => a.x - b.x);
  return {
    x: found.map(({ x }) => x),
    y: found.map(({ y }) => y),
    index: found.map(({ place }) => place),
    kept: found.map(({ place }) => kept[place] ?? true),
  };
}

const STEPS_S = [60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400];

export interface Rates {
  /** Begin of each interval, s since 1970. */
  time: number[];
  /** Movies per hour. */
  found: number[];
  transferred: number[];
  done: number[];
  /** Movies transferred and neither done nor failed at the end of the interval. */
  backlog: number[];
  stepS: number;
}

/** Movies per hour and how many wait, over the session. */
export function ratesOf(columns: Readonly<Record<string, readonly Value[]>>): Rates {
  const { found_at: found = [], transferred_at: transferred = [], done_at: done = [], state = [] } = columns;
  const times = [found, transferred, done].flatMap((column) => column.filter(isNumber));
  const empty: Rates = { time: [], found: [], transferred: [], done: [], backlog: [], stepS: 60 };
  if (!times.length) return empty;
  let [first, last] = [times[0] ?? 0, times[0] ?? 0];
  for (const time of times) {
    if (time < first) first = time;
    if (time > last) last = time;
  }
  const stepS = STEPS_S.find((step) => (last - first) / step <= 90) ?? 86_400;
  const start = Math.floor(first / stepS) * stepS;
  const count = Math.floor((last - start) / stepS) + 1;
  const counted = (column: readonly Value[], only: (place: number) => boolean = () => true) => {
    const bins = new Array<number>(count).fill(0);
    for (const [place, time] of column.entries()) {
      if (!isNumber(time) || !only(place)) continue;
      const bin = Math.floor((time - start) / stepS);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    return bins;
  };
  const perHour = (bins: number[]) => bins.map((value) => (value * 3600) / stepS);
  const isLost = (place: number) => state[place] === "failed" || state[place] === "ignored";
  const comes = counted(transferred, (place) => !isLost(place));
  const goes = counted(done, (place) => !isLost(place));
  let waiting = 0;
  const backlog = comes.map((come, bin) => {
    waiting += come - (goes[bin] ?? 0);
    return Math.max(0, waiting);
  });
  return {
    time: Array.from({ length: count }, (_, bin) => start + bin * stepS),
    found: perHour(counted(found)),
    transferred: perHour(counted(transferred)),
    done: perHour(counted(done)),
    backlog,
    stepS,
  };
}

/** The nearest point within so many px of a place; null if there is none. */
export function nearest(
  left: readonly number[],
  top: readonly number[],
  at: { x: number; y: number },
  within: number,
): number | null {
  let best: number | null = null;
  let least = within * within;
  for (let place = 0; place < left.length; place++) {
    const away = ((left[place] ?? 0) - at.x) ** 2 + ((top[place] ?? 0) - at.y) ** 2;
    if (away <= least) {
      least = away;
      best = place;
    }
  }
  return best;
}
