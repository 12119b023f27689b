import { expect, it } from "vitest";
import type { ColumnInfo } from "../../../api/types";
import { chosenColumns, columnsText, DEFAULT_COLUMNS } from "./table-columns";

const ALL: ColumnInfo[] = ["path", "name", "particles", "state", "tilt_deg"].map((name) => ({
  name,
  kind: "number",
  group: "",
  label: name,
  unit: "",
}));
const names = (text: string) => chosenColumns(ALL, text).map((column) => column.name);

it("shows the usual columns as long as nobody chose", () => {
  expect(names("")).toEqual(["name", "state", "particles"]);
  expect(names("no_such_column")).toEqual(["name", "state", "particles"]);
  expect(columnsText(DEFAULT_COLUMNS)).toBe("");
});

it("shows what the address names", () => {
  expect(names(columnsText(["name", "tilt_deg"]))).toEqual(["name", "tilt_deg"]);
});
