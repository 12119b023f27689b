import { expect, it } from "vitest";
import { changeWords, taskWords } from "./words";

it("says what a worker does", () => {
  expect(taskWords("6f1c-9a/preprocess/Square_1/Hole_2/0a1b2c3d-17")).toBe("pre-processing Square_1/Hole_2");
  expect(taskWords("6f1c-9a/classify2d/ab12cd34-5")).toBe("classifying particles");
  expect(taskWords("export/3/12")).toBe("writing an export of S3");
  expect(taskWords("live-export/3")).toBe("writing the live export of S3");
  expect(taskWords("relocation/3/removing")).toBe("removing the old folder of S3");
  expect(taskWords("something else")).toBe("something else");
});

it("says what was changed", () => {
  expect(changeWords("track.start")).toBe("track started");
  expect(changeWords("logged in")).toBe("logged in");
});
