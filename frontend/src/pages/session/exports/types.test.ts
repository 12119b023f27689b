import { expect, test } from "vitest";
import { countsText, evenBox, hasPlace, isGoing, pixelOf } from "./types";

test("counts are told in words", () => {
  expect(countsText({ micrographs: 2, micrographs_with_picks: 1 }, String)).toBe(
    "2 micrographs, 1 micrographs with picks",
  );
  expect(countsText(undefined, String)).toBe("");
});

test("cisTEM holds particles and classes only", () => {
  expect(hasPlace("cistem", "movies")).toBe(false);
  expect(hasPlace("cistem", "particles")).toBe(true);
  expect(hasPlace("relion", "movies")).toBe(true);
});

test("what waits or runs is going", () => {
  expect(
    ["queued", "running", "done", "failed", "cancelled"].map((state) => isGoing({ state } as never)),
  ).toEqual([true, true, false, false, false]);
});

test("boxes are even and pixels positive", () => {
  expect(["128", "127", "8", "", "x"].map(evenBox)).toEqual([128, null, null, null, null]);
  expect(["1.5", "1,5", "", "-2"].map(pixelOf)).toEqual([1.5, 1.5, 0, 0]);
});
