import { describe, expect, it } from "vitest";
import type { SessionView } from "../api/types";
import { startHint, trackLabel, tracksOf } from "./tracks";

type Seen = Parameters<typeof startHint>[0];
const track = (state: string) => ({ wanted: false, state, reason: "", since: 0 });
const session = (part: Partial<SessionView>): Seen => ({
  role: "operator",
  life: "active",
  kind: "movies",
  counts: {},
  tracks: { transfer: track("stopped"), preprocess: track("stopped") },
  ...part,
});

describe("an empty session", () => {
  it("says which track keeps it empty, to who may start it", () => {
    expect(startHint(session({}))).toContain("File transfer is stopped");
    expect(startHint(session({ counts: { movies: 3 } }))).toContain("Pre-processing is stopped");
    expect(startHint(session({ counts: { movies: 3, done: 1 } }))).toBe("");
    expect(startHint(session({ tracks: { transfer: track("running"), preprocess: track("running") } }))).toBe(
      "",
    );
    expect(startHint(session({ role: "viewer" }))).toBe("");
    expect(startHint(session({ life: "archived" }))).toBe("");
  });
});

describe("a session on a Warp folder", () => {
  it("has no file transfer, and follows Warp", () => {
    expect(tracksOf({ kind: "warp" })).toEqual(["preprocess", "classify2d"]);
    expect(tracksOf({ kind: "movies" })).toHaveLength(3);
    expect(trackLabel({ kind: "warp" }, "preprocess")).toBe("Follow Warp");
    expect(trackLabel({ kind: "micrographs" }, "preprocess")).toBe("Pre-processing");
    expect(startHint(session({ kind: "warp" }))).toContain("Follow Warp is stopped");
    expect(startHint(session({ kind: "warp", counts: { movies: 2, done: 2 } }))).toBe("");
  });
});
