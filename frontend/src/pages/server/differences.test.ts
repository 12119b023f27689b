import { expect, it } from "vitest";
import { differences } from "./differences";

it("says what a change was in words", () => {
  expect(
    differences({ track: "preprocess", state: "stopped" }, { track: "preprocess", state: "running" }),
  ).toBe("track: preprocess, state: stopped → running");
  expect(differences(null, { name: "Grid 3", tags: ["a", "b"] })).toBe("name: Grid 3, tags: a b");
  expect(differences({ login: "otto" }, null)).toBe("login: otto");
  expect(differences({ role: null }, { role: "viewer" })).toBe("role: – → viewer");
  expect(differences(null, null)).toBe("");
});

it("tells times as people do", () => {
  expect(differences(null, { expires_at: 1_795_791_805.5 })).toMatch(
    /^expires_at: 2026-11-2\d \d\d:\d\d:\d\d$/,
  );
});
