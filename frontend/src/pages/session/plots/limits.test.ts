import { expect, it } from "vitest";
import type { ColumnInfo } from "../../../api/types";
import { NO_FILTER } from "../../../lib/filters";
import { fromShown, limitsOf, toShown } from "./limits";

const DEFOCUS: ColumnInfo = {
  name: "defocus_mean_a",
  kind: "number",
  group: "CTF",
  label: "Defocus",
  unit: "Å",
};

it("a line is drawn in the unit of people and kept in that of the column", () => {
  expect(toShown(DEFOCUS, [5000, null])).toEqual([0.5, null]);
  expect(fromShown(DEFOCUS, [0.512345, null])).toEqual([5123, null]);
});

it("dragging a line changes the range of its column", () => {
  const told: unknown[] = [];
  const filter = { ...NO_FILTER, ranges: { defocus_mean_a: [null, 20_000] as [null, number] } };
  const [limit] = limitsOf(DEFOCUS, filter, "y", (column, range) => told.push([column, range]));
  limit?.onChange([null, 1.5]);
  expect(told).toEqual([["defocus_mean_a", [null, 15_000]]]);
  expect(limitsOf(DEFOCUS, NO_FILTER, "y", () => undefined)).toEqual([]);
});
