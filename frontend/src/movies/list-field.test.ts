import { expect, it } from "vitest";
import { NO_FILTER } from "../lib/filters";
import { listOf, readList } from "./list-field";

it("reads values between commas and blanks, each once", () => {
  expect(readList("grid_square", " 1001, 1002  1001,")).toEqual({ squares: ["1001", "1002"] });
  expect(readList("foil_hole", "")).toEqual({ holes: [] });
  expect(readList("optics_group", "2,1")).toEqual({ groups: [2, 1] });
});

it("takes no words for numbers of optics groups", () => {
  expect(readList("optics_group", "2, two")).toBeUndefined();
  expect(readList("optics_group", "-1")).toBeUndefined();
});

it("shows what the filter has", () => {
  expect(listOf({ ...NO_FILTER, groups: [3, 1] }, "optics_group")).toEqual(["3", "1"]);
});
