// @vitest-environment jsdom
import { act, renderHook } from "@testing-library/react";
import { beforeEach, expect, it } from "vitest";
import { forgetAllStaged, restore, useStaged } from "./staged";

beforeEach(() => {
  forgetAllStaged();
  sessionStorage.clear();
});

it("remembers what is staged of each session, with the revision it began from", () => {
  const seven = renderHook(() => useStaged(7)).result;
  const nine = renderHook(() => useStaged(9)).result;
  act(() => seven.current.set("ctf_high_a", "4", 3));
  act(() => seven.current.set("fit_tilt", true, 4));
  act(() => nine.current.set("name", "grid", 1));
  const found = restore();
  expect(found.get(7)).toEqual({ staged: { ctf_high_a: "4", fit_tilt: true }, base: 3, restored: true });
  expect(found.get(9)?.staged).toEqual({ name: "grid" });
  expect(seven.current.restored).toBe(false);
});

it("remembers nothing of what was sent or taken back", () => {
  const { result } = renderHook(() => useStaged(7));
  act(() => result.current.set("ctf_high_a", "4", 3));
  act(() => result.current.forget(["ctf_high_a"]));
  expect(restore().size).toBe(0);
  act(() => result.current.set("ctf_high_a", "4", 3));
  act(() => forgetAllStaged());
  expect(result.current.staged).toEqual({});
  expect(sessionStorage.length).toBe(0);
});

it("leaves out what can't be read", () => {
  sessionStorage.setItem("frazil-staged-1", "{");
  sessionStorage.setItem("frazil-staged-2", '{"staged": {"a": 3, "b": "4"}, "base": "x"}');
  sessionStorage.setItem("frazil-staged-3", "null");
  sessionStorage.setItem("another", "{}");
  expect([...restore()]).toEqual([[2, { staged: { b: "4" }, base: null, restored: true }]]);
});
