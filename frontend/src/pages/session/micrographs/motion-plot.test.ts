import { expect, it } from "vitest";
import { lengthWords } from "./micrograph-view";
import { barLength, squareAround, trackOf } from "./motion-plot";
import { target } from "./use-walk";

it("a track leaves out frames of which nothing is known", () => {
  expect(trackOf([0, null, 2], [0, 1, -2])).toEqual({ x: [0, 2], y: [0, -2] });
});

it("a track has room around it, and no motion does not look like much", () => {
  expect(squareAround({ x: [0, 10], y: [0, 2] })).toEqual({ left: -1, top: -5, size: 12 });
  expect(squareAround({ x: [0, 0.01], y: [0, 0] }).size).toBeCloseTo(1);
});

it("bars have lengths that one says", () => {
  expect([3, 10, 16, 600].map(barLength)).toEqual([1, 2, 5, 200]);
});

it("lengths are told in the unit of their size", () => {
  expect([4.256, 130, 1234, 34_000].map(lengthWords)).toEqual(["4.3 Å", "130 Å", "123 nm", "3.40 µm"]);
});

it("a movie that isn't listed stands between two that are", () => {
  const at = { place: 5, total: 10, kept: false };
  expect(target(at, 1)).toBe(5);
  expect(target(at, -1)).toBe(4);
  expect(target({ ...at, kept: true }, 1)).toBe(6);
  expect(target({ ...at, kept: true }, -100)).toBe(0);
  expect(target({ ...at, kept: true }, 100)).toBe(9);
});
