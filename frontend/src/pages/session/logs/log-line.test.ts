import { expect, test } from "vitest";
import { moreFields } from "./log-line";

const LINE = { offset: 0, time: "2026-01-01T00:00:00Z", level: "info", message: "movie" } as const;

test("numbers of a log line are as long as they say something", () => {
  expect(moreFields({ ...LINE, seconds: 2.5380000000000003 })).toBe("seconds=2.538");
  expect(moreFields({ ...LINE, particles: 1234567, shift: 0.000012345678 })).toBe(
    "particles=1234567 shift=0.000012346",
  );
  expect(moreFields({ ...LINE, failed: false, box: [1, 2] })).toBe("failed=false box=[1,2]");
});
