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

it("is a local time to the second where the column is one", () => {
  const acquired: ColumnInfo = { ...DEFOCUS, name: "acquired_at", kind: "time", label: "Acquired", unit: "" };
  const time = new Date(2026, 10, 20, 9, 5, 7).getTime() / 1000;
  expect(boundText(acquired, time + 0.5)).toBe("2026-11-20 09:05:07");
  expect(readBound(acquired, "2026-11-20 09:05:07")).toBe(time);
  expect(readBound(acquired, "2026-11-20T09:05")).toBe(time - 7);
  expect(readBound(acquired, "2026-11-20")).toBe(new Date(2026, 10, 20).getTime() / 1000);
  for (const none of ["9:05", "2026-02-30 09:05", "2026-11-20 24:05", "yesterday"]) {
    expect(readBound(acquired, none)).toBeUndefined();
  }
  expect(readBound(acquired, "")).toBeNull();
});

it("is no bound when empty, and nothing when it can't be read", () => {
  expect(boundText(DEFOCUS, null)).toBe("");
  expect(readBound(DEFOCUS, " ")).toBeNull();
  expect(readBound(DEFOCUS, "much")).toBeUndefined();
});
