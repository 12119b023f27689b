import { describe, expect, it } from "vitest";
import { decided, type Edit, editAt, toSave } from "./particles";
import type { ManualPicks, Picks } from "./use-movie";

// 2 Å pixels; the third candidate is below the threshold.
const picks: Picks = {
  width_px: 500,
  height_px: 400,
  pixel_size_a: 2,
  x_px: [50, 200, 300],
  y_px: [50, 100, 300],
  score: [9, 8, 3],
  by_hand: [0, 0, 0],
  threshold: 6,
  diameter_a: 100,
};
const manual = (part: Partial<ManualPicks> = {}): ManualPicks => ({
  added: [],
  removed: [],
  removed_at: [],
  saved_at: null,
  saved_by: "",
  pending: false,
  version: "v1",
  ...part,
});
const sent = (edits: Edit[], told = manual(), from = picks) => toSave(decided(from, told, edits, 6));

describe("a click", () => {
  const { particles } = decided(picks, manual(), [], 6);
  it("on a particle removes it, elsewhere adds one, outside does nothing", () => {
    expect(particles).toHaveLength(2);
    expect(editAt({ x: 130, y: 110 }, particles, picks)).toEqual({ x: 100, y: 100, adds: false });
    // A candidate that was not good enough is no particle: there one is added.
    expect(editAt({ x: 600, y: 600 }, particles, picks)).toEqual({ x: 600, y: 600, adds: true });
    expect(editAt({ x: 1001, y: 10 }, particles, picks)).toBeNull();
    expect(editAt({ x: 10, y: -1 }, particles, picks)).toBeNull();
  });
});

describe("edits", () => {
  it("are sent as all that was changed by hand", () => {
    const edits = [
      { x: 100, y: 100, adds: false },
      { x: 700.04, y: 500, adds: true },
    ];
    expect(sent(edits)).toEqual({ added: [[700, 500]], removed: [0] });
    expect(sent(edits, manual({ added: [[20, 30]], removed: [1] }))).toEqual({
      added: [
        [20, 30],
        [700, 500],
      ],
      removed: [0, 1],
    });
  });
  it("take each other back", () => {
    expect(
      sent([
        { x: 100, y: 100, adds: false },
        { x: 105, y: 100, adds: true },
        { x: 700, y: 500, adds: true },
        { x: 700, y: 500, adds: false },
      ]),
    ).toEqual({ added: [], removed: [] });
  });
  it("hold when the micrograph was picked again in another order", () => {
    const again = { ...picks, x_px: [201, 50, 300], y_px: [100, 51, 300] };
    expect(sent([{ x: 100, y: 100, adds: false }], manual(), again).removed).toEqual([1]);
    // What is removed there is none any more: nothing is left to remove.
    expect(sent([{ x: 900, y: 100, adds: false }], manual(), again).removed).toEqual([]);
  });
  it("begin from the picks where nobody knows what was saved", () => {
    const picked = { ...picks, by_hand: [-1, 0, 1], score: [9, 8, null] };
    const { particles, removed } = decided(picked, undefined, [], 6);
    expect(particles.map(({ candidate }) => candidate)).toEqual([1, null]);
    expect([...removed]).toEqual([0]);
  });
});
