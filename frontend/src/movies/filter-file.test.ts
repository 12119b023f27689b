import { expect, it } from "vitest";
import type { NamedFilter } from "./definition";
import { filterFile, readFilterFile } from "./filter-file";

it("takes what was exported", async () => {
  const definition = { ranges: { ctf_resolution_a: { low: null, high: 4 } } };
  const file = filterFile({ name: "good ones", definition } as unknown as NamedFilter);
  expect(file.name).toBe("good ones.filter.json");
  expect(await readFilterFile(file)).toEqual({ name: "good ones", definition });
});

it("says of any other file that it is no filter", async () => {
  for (const text of ["{", "[]", "null", '{"definition": 3}', "x,y\n1,2"]) {
    await expect(readFilterFile(new File([text], "a.json"))).rejects.toThrow("a.json is no filter");
  }
});
