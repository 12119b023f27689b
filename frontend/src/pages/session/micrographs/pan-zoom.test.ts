import { expect, it } from "vitest";
import { FITTED, fittedSize, kept, placeOf, zoomedAt } from "./pan-zoom";

const ROOM = { width: 800, height: 400 };

it("fits a picture into its window", () => {
  expect(fittedSize(ROOM, { width: 1024, height: 1024 })).toEqual({ width: 400, height: 400 });
  expect(fittedSize({ width: 0, height: 0 }, { width: 5, height: 5 })).toEqual({ width: 0, height: 0 });
});

it("zooms about the pointer: what is below it stays", () => {
  const fitted = { width: 400, height: 400 };
  const pointer = { x: 120, y: -40 };
  const before = placeOf(FITTED, fitted, pointer);
  const after = placeOf(zoomedAt(FITTED, 3, pointer), fitted, pointer);
  expect(after.x).toBeCloseTo(before.x, 12);
  expect(after.y).toBeCloseTo(before.y, 12);
});

it("keeps the picture in sight", () => {
  const fitted = { width: 400, height: 400 };
  expect(kept({ scale: 0.2, x: 50, y: 50 }, ROOM, fitted)).toEqual({ scale: 1, x: 0, y: 0 });
  // 1600 px wide in a window of 800: 400 px to either side.
  expect(kept({ scale: 4, x: 900, y: -9999 }, ROOM, fitted)).toEqual({ scale: 4, x: 400, y: -600 });
});
