// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PartError, patiently, renewStyles } from "./patient";

const gone = () => Promise.reject(new Error("gone"));

describe("a part of the page", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it("is waited for while the server can't be reached", async () => {
    const load = vi.fn().mockRejectedValueOnce(new Error("cut")).mockRejectedValueOnce(new Error("cut"));
    load.mockResolvedValue("part");
    const reload = vi.fn();
    const part = patiently(load, async () => "away", reload);
    await vi.advanceTimersByTimeAsync(4000);
    expect(await part).toBe("part");
    expect(load).toHaveBeenCalledTimes(3);
    expect(reload).not.toHaveBeenCalled();
  });

  it("is said to be missing where the server answers and it still fails", async () => {
    const reload = vi.fn();
    const load = vi.fn(gone);
    const told = patiently(load, async () => "same page", reload).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(2000);
    expect(await told).toBeInstanceOf(PartError);
    expect(load).toHaveBeenCalledTimes(2);
    expect(reload).not.toHaveBeenCalled();
  });

  it("is asked for by another address where the browser remembers that it did not come", async () => {
    const reload = vi.fn();
    const failure = new Error("Failed to fetch dynamically imported module: http://here/part.js");
    const again = vi.fn(async (_error: unknown) => "part");
    const part = patiently<string>(
      () => Promise.reject(failure),
      async () => "same page",
      reload,
      again,
    );
    await vi.advanceTimersByTimeAsync(2000);
    expect(await part).toBe("part");
    expect(again).toHaveBeenCalledExactlyOnceWith(failure);
    expect(reload).not.toHaveBeenCalled();
  });

  it("comes with a new page where the server has another one", async () => {
    const reload = vi.fn();
    void patiently(gone, async () => "another page", reload);
    await vi.advanceTimersByTimeAsync(1000);
    expect(reload).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1000);
    expect(reload).toHaveBeenCalled();
  });

  it("comes with the page loaded anew where the network is back and the failure is remembered", async () => {
    const reload = vi.fn();
    const ask = vi.fn(async () => "same page" as const).mockResolvedValueOnce("away" as never);
    void patiently(gone, ask, reload);
    await vi.advanceTimersByTimeAsync(4000);
    expect(reload).toHaveBeenCalled();
  });
});

it("asks again for style sheets that did not come", async () => {
  document.head.innerHTML = '<link rel="stylesheet" href="/never.css">';
  const before = document.querySelector("link");
  const renewed = renewStyles();
  const after = document.querySelector("link");
  expect(after).not.toBe(before);
  expect(after?.getAttribute("href")).toBe("/never.css");
  after?.dispatchEvent(new Event("load"));
  await renewed;
});
