import { describe, expect, it } from "vitest";
import type { GainCheck } from "../api/types";
import { isSame, lieOf, lieTransform, lieTyped, lieWords, verdict } from "./gain-orientation";

const check = (part: Partial<GainCheck>): GainCheck => ({
  check: "0",
  path: "/data",
  gain_path: "/data/ref.mrc",
  state: "done",
  reason: "",
  movies: 3,
  frames: 120,
  orientations: [
    { rotation_deg: 90, flip_x: true, score_sigma: 80 },
    { rotation_deg: 0, flip_x: false, score_sigma: 2 },
  ],
  ratio: 40,
  sure: true,
  inverted: false,
  ...part,
});

describe("how a gain reference lies", () => {
  it("has one name for each of eight, however it is set", () => {
    expect(lieOf({ gain_rotation_deg: 90, gain_flip_y: true })).toEqual({ rotation_deg: 270, flip_x: true });
    expect(lieOf({ gain_rotation_deg: 180, gain_flip_x: true, gain_flip_y: true })).toEqual({
      rotation_deg: 0,
      flip_x: false,
    });
    expect(lieOf({})).toEqual({ rotation_deg: 0, flip_x: false });
    for (const rotation_deg of [0, 90, 180, 270]) {
      for (const flip_x of [false, true]) {
        const typed = lieTyped({ rotation_deg, flip_x });
        const back = lieOf({ ...typed, gain_rotation_deg: Number(typed.gain_rotation_deg) });
        expect(isSame(back, { rotation_deg, flip_x })).toBe(true);
      }
    }
  });
  it("is told and drawn", () => {
    expect(lieWords({ rotation_deg: 0, flip_x: false })).toBe("as it is");
    expect(lieWords({ rotation_deg: 270, flip_x: true })).toBe("270° and flipped");
    expect(lieTransform({ rotation_deg: 90, flip_x: true })).toBe("scaleX(-1) rotate(90deg)");
  });
});

describe("the verdict", () => {
  const now = { rotation_deg: 90, flip_x: true };
  it("is good where it fits as it is set, else says what fits", () => {
    expect(verdict(check({}), now)).toEqual({
      tone: "good",
      text: "The reference fits as it is set (80 σ, 40 times the second; 120 frames of 3 movies).",
    });
    expect(verdict(check({}), { rotation_deg: 0, flip_x: false })).toMatchObject({
      tone: "warn",
      text: expect.stringContaining("fits 90° and flipped, not as it is set"),
    });
    expect(verdict(check({ inverted: true }), now)).toMatchObject({ tone: "warn" });
  });
  it("says when it is not sure", () => {
    const weak = [{ rotation_deg: 0, flip_x: false, score_sigma: 2.2 }];
    expect(verdict(check({ sure: false, orientations: weak }), now).text).toContain("No orientation fits");
    expect(verdict(check({ sure: false, ratio: 1.2 }), now).text).toContain("1.2 times the second");
  });
});
