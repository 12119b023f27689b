import { describe, expect, it } from "vitest";
import { binOf, gather } from "./groups";

const columns = {
  grid_square: ["Square_10", "Square_2", "Square_2", null, "Square_2"],
  defocus_mean_a: [9000, 12000, 12400, 12400, 15100],
  particles: [100, 50, 70, 10, null],
  particles_classified: [80, 40, null, 5, null],
  particles_good: [20, 30, null, 5, null],
  ctf_resolution_a: [3, 4, 6, 5, null],
};
const kept = [true, true, false, true, true];

describe("movies by grid square", () => {
  it("are summed up, in the order of people, without what was not processed", () => {
    expect(gather("grid_square", columns, kept)).toEqual([
      {
        key: "Square_2",
        name: "Square_2",
        movies: 2,
        kept: 1,
        particles: 120,
        particlesPerMovie: 60,
        classYield: 0.75,
        resolutionMedianA: 6,
      },
      {
        key: "Square_10",
        name: "Square_10",
        movies: 1,
        kept: 1,
        particles: 100,
        particlesPerMovie: 100,
        classYield: 0.25,
        resolutionMedianA: 3,
      },
    ]);
  });
  it("or by bins of defocus", () => {
    const found = gather("defocus_mean_a", columns, kept);
    expect(found.map(({ name, movies }) => [name, movies])).toEqual([
      ["0.75–1.00 µm", 1],
      ["1.00–1.25 µm", 3],
    ]);
    expect(binOf(found[1]?.key ?? "")).toEqual([10000, 12500]);
    expect(gather("shot", columns, kept)).toEqual([]);
  });
});
