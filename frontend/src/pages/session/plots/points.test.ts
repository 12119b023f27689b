import { describe, expect, it } from "vitest";
import { NO_FILTER } from "../../../lib/filters";
import { binned, keptOf, medianOf, nearest, pointsOf, polar, ratesOf, robustRange } from "./points";

describe("points", () => {
  it("are by rising x, without what isn't known, in shown units", () => {
    const points = pointsOf([3, 1, null, 2], [30_000, 10_000, 5, null], [true, false, true, true], {
      x: 1,
      y: 1e-4,
    });
    expect(points).toEqual({ x: [1, 3], y: [1, 3], index: [1, 0], kept: [false, true] });
  });

  it("of an axis stand on both sides", () => {
    const { x, y, index } = polar([90, null], [200, 5], [true, true]);
    expect(index).toEqual([0, 0]);
    expect(x.map(Math.round).map(Math.abs)).toEqual([0, 0]);
    expect([...y].map(Math.round).sort((a, b) => a - b)).toEqual([-200, 200]);
  });

  it("are found near the pointer only", () => {
    expect(nearest([0, 50], [0, 50], { x: 45, y: 50 }, 10)).toBe(1);
    expect(nearest([0, 50], [0, 50], { x: 25, y: 25 }, 10)).toBeNull();
  });
});

it("a few outliers don't stretch an axis", () => {
  const values = Array.from({ length: 1000 }, (_, place) => place / 1000);
  values.push(1e6);
  const [low, high] = robustRange(values);
  expect(low).toBe(0);
  expect(high).toBeLessThan(1.5);
  expect(robustRange([2, 2])).toEqual([1.9, 2.1]);
  expect(robustRange([])).toEqual([0, 1]);
});

it("the median is that of what is kept", () => {
  const values = [5, 1, 9, 3];
  expect(medianOf(values, [true, true, true, true])).toBe(5);
  expect(medianOf(values, [false, true, false, true])).toBe(3);
  expect(medianOf(values, [false, false, false, false])).toBeNull();
  expect(values).toEqual([5, 1, 9, 3]);
});

it("bins hold every value, those beyond the edge in the outermost", () => {
  const bins = binned([0, 0.5, 1, 9], [true, false, true, true], [0, 1], 2);
  expect(bins.centre).toEqual([0.25, 0.75]);
  expect(bins.all).toEqual([1, 3]);
  expect(bins.kept).toEqual([1, 2]);
});

it("the filter judges movies by their place", () => {
  const columns = { ctf_resolution_a: [3, 5, null, 9], override: ["auto", "auto", "auto", "include"] };
  const filter = { ...NO_FILTER, ranges: { ctf_resolution_a: [null, 4] as [null, number] } };
  expect(keptOf(filter, columns, 4)).toEqual([true, false, false, true]);
});

describe("throughput", () => {
  const minute = (count: number) => 1_800_000_000 + 60 * count;

  it("counts per hour and what waits", () => {
    const rates = ratesOf({
      found_at: [minute(0), minute(0), minute(1)],
      transferred_at: [minute(0), minute(1), minute(1)],
      done_at: [minute(1), minute(2), null],
      state: ["done", "done", "queued"],
    });
    expect(rates.stepS).toBe(60);
    expect(rates.found).toEqual([120, 60, 0]);
    expect(rates.done).toEqual([0, 60, 60]);
    expect(rates.backlog).toEqual([1, 2, 1]);
  });

  it("a failed movie waits for nothing", () => {
    const rates = ratesOf({ transferred_at: [minute(0)], done_at: [null], state: ["failed"] });
    expect(rates.backlog).toEqual([0]);
  });

  it("of nothing is nothing", () => {
    expect(ratesOf({}).time).toEqual([]);
  });
});
