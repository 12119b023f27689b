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

  it("waits for an answer that is on its way, but not for ever", () => {
    const refresh = vi.fn();
    let asked = true;
    const refresher = new Refresher(refresh, () => asked);
    refresher.take([change("settings")]);
    vi.advanceTimersByTime(3000);
    expect(refresh).not.toHaveBeenCalled();
    asked = false;
    vi.advanceTimersByTime(1000);
    expect(refresh).toHaveBeenCalled();
    const before = refresh.mock.calls.length;
    asked = true;
    vi.advanceTimersByTime(5000);
    refresher.take([change("settings")]);
    vi.advanceTimersByTime(9000);
    expect(refresh.mock.calls.length).toBe(before);
    vi.advanceTimersByTime(3000);
    expect(refresh.mock.calls.length).toBeGreaterThan(before);
    refresher.end();
  });
});
