import { describe, expect, it } from "vitest";
import type { Track } from "../../../api/types";
import { controls, doing, progressOf } from "./track-state";
import { binned, joined } from "./use-hour";

const track = (part: Partial<Track>): Track => ({
  track: "preprocess",
  wanted: true,
  state: "running",
  reason: "",
  since: 0,
  details: {},
  ...part,
});

describe("what a track does", () => {
  it("is said in words", () => {
    expect(doing(track({ details: { working: 3 } }), {})).toBe("working on 3 movies");
    expect(doing(track({ details: { working: 0, waits_for: "movies" } }), {})).toBe("waiting for movies");
    expect(doing(track({ state: "paused", reason: "the disk is full" }), {})).toBe("the disk is full");
    expect(doing(track({ track: "transfer", details: {} }), { transferring: 1 })).toBe("working on 1 movie");
  });
  it("counts cycles of a job and particles of a stream", () => {
    const job = track({
      track: "classify2d",
      details: { jobs: "running", mode: "abinit", cycles_done: 2, cycles: 20 },
    });
    expect(doing(job, {})).toBe("Ab initio, cycle 3 of 20");
    expect(progressOf(job, {})).toEqual({ part: 0.1, words: "2 of 20 cycles done" });
    const stream = track({
      track: "classify2d",
      details: { eligible: 2000, in_run: 500, waits_for: "more particles" },
    });
    expect(doing(stream, {})).toBe("waiting for more particles");
    expect(progressOf(stream, {})?.part).toBe(0.25);
    const failed = track({ track: "classify2d", details: { jobs: "listening", error: "no memory" } });
    expect(doing(failed, {})).toMatch(/the last job failed: no memory; listening/);
  });
  it("leaves only the controls that make sense", () => {
    expect(controls("stopped")).toMatchObject({ start: true, stop: false, restart: true, clear: true });
    expect(controls("stopping")).toMatchObject({ start: false, stop: true, stopNow: true, restart: false });
    expect(controls("clearing")).toMatchObject({ start: false, stop: false, restart: false, clear: false });
  });
});

it("puts times of the last hour into bins of two minutes", () => {
  const now = 7200;
  const bins = binned([now - 1, now - 3599, now - 3600, now - 4000, null, now + 5], now);
  expect(bins).toHaveLength(30);
  expect(bins[29]).toBe(1);
  expect(bins[0]).toBe(2);
  expect(bins.reduce((sum, value) => sum + value, 0)).toBe(3);
});

it("counts a particle where it first comes into the classes, not where it is classified again", () => {
  const now = 7200;
  const updates = [
    { finished_at: now - 4000, particles: 100 },
    { finished_at: now - 3500, particles: 250 },
    { finished_at: now - 60, particles: 120 },
    { finished_at: now - 1, particles: 300 },
  ];
  const bins = joined(updates, now);
  expect(bins[0]).toBe(150);
  expect(bins[29]).toBe(50);
  expect(bins.reduce((sum, value) => sum + value, 0)).toBe(200);
});
