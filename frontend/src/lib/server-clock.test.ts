import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { hearServerTime, serverNow } from "./server-clock";

const HERE = Date.UTC(2026, 1, 3, 12) / 1000;
const date = (seconds: number) => new Date(seconds * 1000).toUTCString();

describe("the server's clock", () => {
  beforeEach(() => vi.useFakeTimers({ now: HERE * 1000 }));
  afterEach(() => {
    hearServerTime(date(HERE));
    vi.useRealTimers();
  });

  it("is followed where the computer's is an hour off, and goes on by itself", () => {
    for (const offS of [3600, -3600]) {
      hearServerTime(date(HERE + offS));
      expect(serverNow()).toBe(HERE + offS);
    }
    vi.advanceTimersByTime(5000);
    expect(serverNow()).toBe(HERE - 3600 + 5);
  });

  it("does not tremble with each answer, and no answer without a time is heard", () => {
    hearServerTime(date(HERE + 3600));
    hearServerTime(date(HERE + 3598));
    hearServerTime(null);
    hearServerTime("yesterday");
    expect(serverNow()).toBe(HERE + 3600);
  });

  it("is the computer's where both agree, also after that was put right", () => {
    hearServerTime(date(HERE + 3600));
    hearServerTime(date(HERE - 2));
    expect(serverNow()).toBe(HERE);
  });
});
