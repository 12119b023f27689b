import { describe, expect, it } from "vitest";
import { placing } from "./beam-shifts";

describe("beam shifts", () => {
  it("fill the drawing, both axes alike, y upwards", () => {
    const place = placing([
      [-0.5, 0],
      [0.5, 0.25],
    ]);
    expect(place?.([-0.5, 0])).toEqual({ cx: 12, cy: 184.5 });
    expect(place?.([0.5, 0.25])).toEqual({ cx: 288, cy: 115.5 });
  });
  it("are not drawn where there are none, and in the middle where there is one", () => {
    expect(placing([])).toBeNull();
    expect(placing([[7, 9]])?.([7, 9])).toEqual({ cx: 150, cy: 150 });
  });
});
