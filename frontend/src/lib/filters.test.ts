import { describe, expect, it } from "vitest";
import { type Filter, fromParams, isEmpty, NO_FILTER, passes, toParams } from "./filters";

function through(filter: Filter): Filter {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(toParams(filter)))
    for (const item of value === null ? [] : [value].flat()) query.append(name, item);
  return fromParams(new URLSearchParams(query.toString()));
}

describe("filter in the address", () => {
  it("comes back as it was", () => {
    const filter: Filter = {
      ranges: { ctf_resolution_a: [null, 6], defocus_mean_a: [5000, 20000], tilt_deg: [-3.5, null] },
      text: "Square 12 & more",
      states: ["done", "failed"],
      squares: ["GridSquare_1", "GridSquare 2"],
      holes: ["FoilHole_7"],
      groups: [1, 12],
      negate: true,
      keepMissing: true,
      name: "good ones",
    };
    expect(through(filter)).toEqual(filter);
    expect(through(NO_FILTER)).toEqual(NO_FILTER);
    expect(isEmpty(NO_FILTER)).toBe(true);
  });

  it("leaves out what nobody could have meant", () => {
    const query = new URLSearchParams("range=x:..&range=y&range=z:a..4");
    expect(fromParams(query).ranges).toEqual({ z: [null, 4] });
  });
});

describe("what passes", () => {
  const filter: Filter = { ...NO_FILTER, ranges: { ctf_resolution_a: [null, 6] } };
  it("is in the range, bounds included", () => {
    expect(passes(filter, { ctf_resolution_a: 6 })).toBe(true);
    expect(passes(filter, { ctf_resolution_a: 6.01 })).toBe(false);
  });
  it("needs a value, unless missing ones are kept", () => {
    expect(passes(filter, { ctf_resolution_a: null })).toBe(false);
    expect(passes({ ...filter, keepMissing: true }, { ctf_resolution_a: null })).toBe(true);
  });
  it("is decided by a person first", () => {
    expect(passes(filter, { ctf_resolution_a: 9, override: "include" })).toBe(true);
    expect(passes(filter, { ctf_resolution_a: 3, override: "exclude" })).toBe(false);
  });
  it("is the rest when negated", () => {
    expect(passes({ ...filter, negate: true }, { ctf_resolution_a: 9 })).toBe(true);
  });
});
