import { expect, it } from "vitest";
import { dotSize, pixelOf, setDots } from "./dots";

const SEEN = { x: [0, 10], y: [0, 5] } as const;

/** The picture as text: `.` nothing, `r` rejected, `k` kept. */
function drawn(x: number[], y: number[], kept: boolean[], size = 1): string[] {
  const pixels = new Uint32Array(10 * 5);
  const points = { x, y, kept, index: x.map((_, place) => place) };
  setDots(pixels, 10, 5, points, SEEN, size, { kept: 2, rejected: 1 });
  const text = [...pixels].map((pixel) => ".rk"[pixel]).join("");
  return text.match(/.{10}/g) ?? [];
}

it("stand where their values are: x to the right, y upwards", () => {
  expect(drawn([0.5, 9.5, 4.5], [0.5, 4.5, 2.5], [true, true, false])).toEqual([
    ".........k",
    "..........",
    "....r.....",
    "..........",
    "k.........",
  ]);
});

it("stand at the edge where they lie beyond it", () => {
  const [top, , , , bottom] = drawn([-3, 99], [99, -3], [true, true], 2);
  expect(top).toBe("kk........");
  expect(bottom).toBe("........kk");
});

it("of the filter stand above the others", () => {
  expect(drawn([5.5, 5.5], [2.5, 2.5], [true, false])[2]).toBe(".....k....");
});

it("are smaller where there are many", () => {
  expect([10, 1000, 20_000].map(dotSize)).toEqual([4, 3, 2]);
});

it("have the colour of the theme", () => {
  const bytes = new Uint8Array(new Uint32Array([pixelOf("#0a5fa3", 0.6)]).buffer);
  expect([...bytes]).toEqual([0x0a, 0x5f, 0xa3, 153]);
});
