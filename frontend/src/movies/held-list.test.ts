import { expect, it } from "vitest";
import type { MovieRow } from "../api/types";
import { heldList, hold } from "./held-list";
import type { MovieList } from "./use-movies";

function listOf(...rows: [name: string, particles?: number][]): MovieList {
  const all = new Map(
    rows.map(([name, particles], place) => [place, { name, particles } as unknown as MovieRow]),
  );
  const nothing = () => undefined;
  const rest = { onRange: nothing, pending: false, error: null, retry: nothing };
  return { total: rows.length, rows: all, row: (place) => all.get(place), ...rest };
}

const names = (list: MovieList) => Array.from({ length: list.total }, (_, place) => list.row(place)?.name);

it("keeps the order while movies come, and shows new numbers", () => {
  const held = hold("", listOf(["b", 1], ["a", 1]));
  const list = heldList(listOf(["d"], ["c"], ["b", 7], ["a", 1]), held);
  expect(names(list)).toEqual(["b", "a"]);
  expect(list.row(0)?.particles).toBe(7);
});

it("keeps what is no longer listed in its place", () => {
  const held = hold("", listOf(["c"], ["b"], ["a"]));
  expect(names(heldList(listOf(["c"], ["a"]), held))).toEqual(["c", "b", "a"]);
});

it("takes places that come into sight later, and keeps these as well", () => {
  const before = { ...listOf(["c"]), total: 3 };
  const held = hold("", before);
  expect(names(heldList({ ...listOf(["c"], ["b"]), total: 3 }, held))).toEqual(["c", "b", undefined]);
  expect(names(heldList(listOf(["d"], ["c"], ["b"], ["a"]), held))).toEqual(["c", "b", "b"]);
});
