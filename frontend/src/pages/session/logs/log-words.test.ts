import { expect, test } from "vitest";
import { logWords } from "./log-words";

const LINE = { offset: 0, time: "2026-01-01T00:00:00Z", level: "info" } as const;

test("lines of known kinds are said in words", () => {
  expect(
    logWords({ ...LINE, message: "movie", movie: "a", seconds: 2.538, failed: false, worker: "w" }),
  ).toEqual(["done in 2.5 s", ""]);
  expect(logWords({ ...LINE, message: "movie", seconds: 130, failed: true })[0]).toBe("failed in 2 min");
  expect(
    logWords({ ...LINE, message: "update", update: 17, kind: "streaming", particles: 2999, limit_a: 8 })[0],
  ).toBe("update 17: streaming, 2,999 particles, limit 8.0 Å");
  expect(logWords({ ...LINE, message: "new run", run: 1, mode: "abinit", settings: 3 })[0]).toBe(
    "run 1 begins: abinit, settings revision 3",
  );
  expect(logWords({ ...LINE, message: "batch again", reason: "a.mrcs: holds 29 images" })[0]).toBe(
    "the batch is tried again: a.mrcs: holds 29 images",
  );
  expect(logWords({ ...LINE, message: "delivered", file: "raw/a.tif", mode: "link", seconds: 0.31 })[0]).toBe(
    "raw/a.tif linked in 0.3 s",
  );
});

test("other lines keep their fields", () => {
  expect(logWords({ ...LINE, message: "cleared", files: 3 })).toEqual(["cleared", "files=3"]);
});
