import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Change } from "./feed";
import { Refresher, staleKeys } from "./queries";

const change = (kind: string, session_id: number | null = 3): Change => ({
  sequence: 1,
  session_id,
  kind,
  data: {},
});

describe("changes of the feed", () => {
  it("make stale what shows them, and nothing of other sessions", () => {
    expect(staleKeys([change("settings")])).toEqual([["session", 3, "settings"]]);
    expect(staleKeys([change("track"), change("track")])).toEqual([
      ["session", 3, "tracks"],
      ["session", 3, "info"],
      ["sessions"],
    ]);
    expect(staleKeys([change("server", null)])).toEqual([["server"]]);
    expect(staleKeys([change("something new")])).toEqual([]);
  });
});

describe("reading again", () => {
  const asked: string[] = [];
  const refresher = new Refresher((key) => asked.push(JSON.stringify(key)));
  beforeEach(() => {
    vi.useFakeTimers();
    asked.length = 0;
  });
  afterEach(() => {
    refresher.end();
    vi.useRealTimers();
  });

  it("happens at once, then at most once a second, and after the last change", () => {
    for (let n = 0; n < 40; n++) {
      refresher.take([change("settings")]);
      vi.advanceTimersByTime(100);
    }
    expect(asked.length).toBe(5);
    vi.advanceTimersByTime(5000);
    expect(asked.length).toBe(5);
    refresher.take([change("settings")]);
    expect(asked.length).toBe(6);
  });
});
