import { describe, expect, it } from "vitest";
import type { SessionView } from "../api/types";
import { startHint } from "./tracks";

type Seen = Parameters<typeof startHint>[0];
const track = (state: string) => ({ wanted: false, state, reason: "", since: 0 });
const session = (part: Partial<SessionView>): Seen => ({
  role: "operator",
  life: "active",
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
