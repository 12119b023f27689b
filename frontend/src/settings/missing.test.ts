import { describe, expect, it } from "vitest";
import { missing } from "./missing";

const start = { kind: "movies", has_frames: true, dose_weighting: true, picking_method: "blob" };
const names = (values: Parameters<typeof missing>[0]) => missing(values).map(({ name }) => name);

describe("what still has to be said", () => {
  it("is everything that processing can't do without", () => {
    expect(names(start)).toEqual([
      "source_path",
      "pixel_size_a",
      "voltage_kv",
      "dose_per_movie_e_per_a2",
      "particle_diameter_max_a",
    ]);
  });
  it("is less where other settings make it needless", () => {
    const said = { ...start, source_path: "/data", pixel_size_a: 1, voltage_kv: 300 };
    expect(names({ ...said, dose_weighting: false, picking_method: "none" })).toEqual([]);
    expect(names({ ...said, has_frames: false, particle_diameter_min_a: 100 })).toEqual([]);
    expect(names({ kind: "warp" })).toEqual(["warp_folder"]);
  });
});
