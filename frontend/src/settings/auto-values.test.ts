import { describe, expect, it } from "vitest";
import { autoTexts } from "./auto-values";

const facts = {
  numbers: { particle_pixel_size_a: 1.7, particle_box_px: 128 },
  picks: { threshold: 5.987, diameter_a: 130, pixel_size_a: 0.85 },
  maskRadiusA: 78.4,
};

describe("settings on auto", () => {
  it("say what they came to", () => {
    expect(autoTexts({}, facts)).toEqual({
      particle_pixel_size_a: "now 1.70 Å (newest micrograph)",
      box_size_px: "now 256 px (newest micrograph)",
      pick_threshold: "now 5.99 (newest micrograph)",
      min_distance_a: "now 65 Å (newest micrograph)",
      mask_radius_a: "now 78 Å (newest classes)",
    });
  });
  it("say nothing where something is set, or nothing is known", () => {
    const values = { box_size_px: 300, pick_threshold: 6, mask_radius_a: 90 };
    expect(Object.keys(autoTexts(values, facts))).toEqual(["particle_pixel_size_a", "min_distance_a"]);
    expect(autoTexts({}, { numbers: {}, picks: null, maskRadiusA: null })).toEqual({});
  });
});
