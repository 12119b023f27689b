import { expect, it } from "vitest";
import { type Columns, makeBatch } from "./column-batch";

function server() {
  const asked: string[] = [];
  const batch = makeBatch((session, names) => {
    asked.push(`${session}: ${names.join(" ")}`);
    if (names.includes("bad")) return Promise.reject(new Error("no such column"));
    const answer: Columns = { number: [1, 2] };
    for (const name of names) answer[name] = [name, null];
    return Promise.resolve(answer);
  });
  return { asked, batch };
}

it("asks for columns of one breath at once, and gives each its own", async () => {
  const { asked, batch } = server();
  const [a, b, other] = await Promise.all([batch(1, "a"), batch(1, "b"), batch(2, "a")]);
  expect(asked).toEqual(["1: a b", "2: a"]);
  expect(a).toEqual({ number: [1, 2], a: ["a", null] });
  expect(b.b).toEqual(["b", null]);
  expect(a.number).toBe(b.number);
  expect(other.a).toEqual(["a", null]);
  await batch(1, "c");
  expect(asked.at(-1)).toBe("1: c");
});

it("no answer holds more than five columns; a refusal reaches only who asked with it", async () => {
  const { asked, batch } = server();
  const names = ["a", "b", "c", "d", "e", "bad", "g"];
  const results = await Promise.allSettled(names.map((name) => batch(3, name)));
  expect(asked).toEqual(["3: a b c d e", "3: bad g"]);
  expect(results.map(({ status }) => status === "fulfilled")).toEqual([
    true,
    true,
    true,
    true,
    true,
    false,
    false,
  ]);
});
