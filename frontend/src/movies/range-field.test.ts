import { expect, it } from "vitest";
import type { ColumnInfo } from "../api/types";
import { boundText, readBound } from "./range-field";

const DEFOCUS: ColumnInfo = {
  name: "defocus_mean_a",
  kind: "number",
  group: "CTF",
  label: "Defocus",
  unit: "Å",
};

it("is typed in the unit of people and kept in that of the column", () => {
  expect(boundText(DEFOCUS, 14_200)).toBe("1.42");
  expect(readBound(DEFOCUS, "1.42")).toBe(14_200);
  expect(readBound(DEFOCUS, " 1,5 ")).toBe(15_000);
});

it("is no bound when empty, and nothing when it can't be read", () => {
  expect(boundText(DEFOCUS, null)).toBe("");
  expect(readBound(DEFOCUS, " ")).toBeNull();
  expect(readBound(DEFOCUS, "much")).toBeUndefined();
});
