import { expect, it } from "vitest";
import { across } from "./layout";

it("fills the width with tiles of about the wanted size", () => {
  expect(across(1000, 190)).toEqual({ count: 5, tile: 192 });
  expect(across(366, 160)).toEqual({ count: 2, tile: 178 });
  expect(across(0, 190).count).toBe(1);
});
