import { describe, expect, it } from "vitest";
import { placing } from "./beam-shifts";

describe("beam shifts", () => {
  it("fill the drawing, both axes alike, y upwards", () => {
    const place = placing([
      [-0.5, 0],
      [0.5, 0.25],
    ]);
    expect(place?.([-0.5, 0])).toEqual({ cx: 22, cy: 182 });
    expect(place?.([0.5, 0.25])).toEqual({ cx: 278, cy: 118 });
  });
  it("are not drawn where there are none, and in the middle where there is one", () => {
    expect(placing([])).toBeNull();
    expect(placing([[7, 9]])?.([7, 9])).toEqual({ cx: 150, cy: 150 });
  });
});
