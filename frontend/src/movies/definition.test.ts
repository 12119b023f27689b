import { describe, expect, it } from "vitest";
import { type Filter, NO_FILTER } from "../lib/filters";
import { fromDefinition, saysTheSame, toDefinition, whereText } from "./definition";

const FILTER: Filter = {
  ranges: { ctf_resolution_a: [null, 4.5], defocus_mean_a: [5000, 20000] },
  text: "Square_1",
  states: ["done"],
  squares: ["GridSquare_1"],
  holes: ["FoilHole_7"],
  groups: [3],
  negate: true,
  keepMissing: true,
  name: "good",
};

describe("a filter and what the server keeps of it", () => {
  it("comes back whole", () => {
    expect(fromDefinition("good", toDefinition(FILTER))).toEqual(FILTER);
  });

  it("asks for nothing where it says nothing", () => {
    expect(whereText(NO_FILTER)).toBeUndefined();
    expect(whereText({ ...NO_FILTER, keepMissing: true, name: "x" })).toBeUndefined();
  });

  it("sends only what it says", () => {
    const text = whereText({ ...NO_FILTER, ranges: { particles: [10, null] } });
    expect(JSON.parse(text ?? "")).toEqual({ ranges: { particles: { low: 10, high: null } } });
  });

  it("is the same under another name and in another order", () => {
    const ranges = Object.fromEntries(Object.entries(FILTER.ranges).reverse());
    expect(saysTheSame(FILTER, { ...FILTER, name: "other", ranges })).toBe(true);
    expect(saysTheSame(FILTER, { ...FILTER, negate: false })).toBe(false);
  });
});
