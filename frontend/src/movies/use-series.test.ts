import { expect, it } from "vitest";
import { aligned, pauseMs } from "./use-series";

it("brings columns together that were read while movies came", () => {
  const { numbers, columns } = aligned(
    ["a", "b"],
    [
      { number: [1, 2, 4], a: [10, 20, 40] },
      { number: [1, 2, 4, 5], b: [1, null, 4, 5] },
    ],
  );
  expect(numbers).toEqual([1, 2, 4, 5]);
  expect(columns.a).toEqual([10, 20, 40, null]);
  expect(columns.b).toEqual([1, null, 4, 5]);
});

it("holds nothing before the first answer", () => {
  expect(aligned(["a"], [undefined])).toEqual({ numbers: [], columns: { a: [] } });
});

it("reads long columns anew less often", () => {
  expect(pauseMs(100)).toBe(2000);
  expect(pauseMs(20_000)).toBe(10_000);
  expect(pauseMs(1_000_000)).toBe(15_000);
});
