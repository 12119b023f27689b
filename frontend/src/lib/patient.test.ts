import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { patiently } from "./patient";

describe("a part of the page", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it("is waited for while the server can't be reached", async () => {
    const load = vi.fn().mockRejectedValueOnce(new Error("cut")).mockRejectedValueOnce(new Error("cut"));
    load.mockResolvedValue("part");
    const reload = vi.fn();
    const part = patiently(load, async () => false, reload);
    await vi.advanceTimersByTimeAsync(4000);
    expect(await part).toBe("part");
    expect(load).toHaveBeenCalledTimes(3);
    expect(reload).not.toHaveBeenCalled();
  });

  it("comes with a new page where the server answers and it still fails", async () => {
    const reload = vi.fn();
    void patiently(
      () => Promise.reject(new Error("gone")),
      async () => true,
      reload,
    );
    await vi.advanceTimersByTimeAsync(1000);
    expect(reload).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1000);
    expect(reload).toHaveBeenCalled();
  });
});
