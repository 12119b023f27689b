import { expect, it } from "vitest";
import type { SessionView } from "../../api/types";
import { sorted } from "./session-order";

const session = (id: number, name: string, movies: number) =>
  ({ id, name, group: null, owner: null, counts: { movies } }) as unknown as SessionView;
const ALL = [session(1, "grid 10", 5), session(2, "grid 9", 5), session(3, "Aldolase", 70)];
const ids = (found: SessionView[]) => found.map(({ id }) => id);

it("sessions are sorted as people count, the largest number first", () => {
  expect(ids(sorted(ALL, "name"))).toEqual([3, 2, 1]);
  expect(ids(sorted(ALL, "movies"))).toEqual([3, 2, 1]);
  expect(ids(sorted(ALL, "newest"))).toEqual([3, 2, 1]);
});

it("an order can be turned round; equal ones stay by number", () => {
  expect(ids(sorted(ALL, "name", true))).toEqual([1, 2, 3]);
  expect(ids(sorted(ALL, "movies", true))).toEqual([2, 1, 3]);
  expect(ids(sorted(ALL, "group", true))).toEqual([3, 2, 1]);
});
