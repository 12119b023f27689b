import { describe, expect, it } from "vitest";
import type { ClassUpdate } from "../../../api/types";
import { curvesOf, rangeOf, runStarts } from "./curve-points";

const update = (number: number, part: Partial<ClassUpdate> = {}): ClassUpdate => ({
  number,
  run: 1,
  update_in_run: number,
  kind: "streaming",
  finished_at: number,
  seconds: 1,
  particles: 100 * number,
  class_count: 10,
  limit_a: 8,
  fraction: 1,
  settings_revision: 1,
  folder: "",
  ...part,
});

describe("curves of the history", () => {
  it("are those of which something is known", () => {
    expect(curvesOf([update(1), update(2)]).map(({ name }) => name)).toEqual(["limit", "particles"]);
    expect(curvesOf([update(1)])).toEqual([]);
    const found = curvesOf([
      update(1, { mean_log_evidence: 3, moved_share: null, limit_a: null }),
      update(2, { mean_log_evidence: 4, moved_share: 0.25, limit_a: null }),
      update(3, { mean_log_evidence: 4.5, moved_share: 0.1, limit_a: null }),
    ]);
    expect(found.map(({ name }) => name)).toEqual(["evidence", "moved", "particles"]);
    expect(found[1]?.values).toEqual([null, 25, 10]);
  });
  it("say where another run began", () => {
    expect(runStarts([update(1), update(2), update(3, { run: 2 }), update(4, { run: 2 })])).toEqual([3]);
  });
  it("have air above and below", () => {
    expect(rangeOf(2, 10, true)).toEqual([0, 10.8]);
    expect(rangeOf(10, 20, false)).toEqual([9.2, 20.8]);
    expect(rangeOf(5, 5, false)[0]).toBeLessThan(5);
  });
});
