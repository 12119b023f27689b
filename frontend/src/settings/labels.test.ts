import { expect, it } from "vitest";
import type { SettingInfo } from "../api/types";
import { withLabels } from "./labels";

it("calls settings as the form does", () => {
  const schema = [{ name: "size_min_a", label: "Size, from" }] as SettingInfo[];
  expect(withLabels("size_min_a (300) must not be larger than size_max_a.", schema)).toBe(
    "“Size, from” (300) must not be larger than size_max_a.",
  );
});
