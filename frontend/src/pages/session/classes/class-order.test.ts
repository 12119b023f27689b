import { describe, expect, it } from "vitest";
import {
  automatic,
  type ClassInfo,
  choicesFor,
  kept,
  passing,
  sheetPlace,
  sorted,
  steady,
  totals,
} from "./class-order";

function made(id: number, particles: number, resolutionA: number | null, quality: number | null): ClassInfo {
  return {
    id,
    particles,
    resolutionA,
    quality,
    selected: quality === null ? undefined : quality > 0.5,
    kept: quality !== null && quality > 0.5,
    choice: "auto",
    lasts: particles > 0,
    reasons: [],
  };
}

const CLASSES = [made(1, 50, 8, 0.9), made(2, 0, null, null), made(3, 90, 12, 0.2), made(4, 50, 6, 0.6)];

describe("classes", () => {
  it("are sorted, empty ones last", () => {
    expect(sorted(CLASSES, "population")).toEqual([3, 1, 4, 2]);
    expect(sorted(CLASSES, "quality")).toEqual([1, 4, 3, 2]);
    expect(sorted(CLASSES, "resolution")).toEqual([4, 1, 3, 2]);
    expect(sorted(CLASSES, "number")).toEqual([1, 2, 3, 4]);
  });

  it("keep their places while updates come", () => {
    expect(steady([3, 1, 4, 2], [5, 1, 3, 4])).toEqual([3, 1, 4, 5]);
  });

  it("are chosen by what they have at least", () => {
    expect(passing(CLASSES, { particles: 40, resolutionA: null, quality: null })).toEqual([1, 3, 4]);
    expect(passing(CLASSES, { particles: null, resolutionA: 8, quality: null })).toEqual([1, 4]);
    expect(passing(CLASSES, { particles: null, resolutionA: null, quality: 0.6 })).toEqual([1, 4]);
    expect(automatic(CLASSES)).toEqual([1, 4]);
  });

  it("are decided by hand only where the threshold says otherwise", () => {
    expect(choicesFor(CLASSES, new Set([3, 4]))).toEqual({ 1: "reject", 3: "keep", 4: "auto" });
    const decided = CLASSES.map((item) => (item.id === 3 ? { ...item, kept: true } : item));
    expect(kept(decided)).toEqual([1, 3, 4]);
  });

  it("add up", () => {
    expect(totals(CLASSES, new Set([1, 3]))).toEqual({ chosen: 140, all: 190 });
  });
});

it("a class is found in the picture of all", () => {
  expect(sheetPlace(1, 48)).toEqual({ size: "1000% 500%", position: "0% 0%" });
  expect(sheetPlace(20, 48)).toEqual({ size: "1000% 500%", position: "100% 25%" });
  expect(sheetPlace(3, 4)).toEqual({ size: "1000% 100%", position: `${(2 / 9) * 100}% 0%` });
});
