/** Points as pixels: many thousands are set in a picture at once, which takes a tenth of drawing each on its own. */

import type { Points } from "./points";

/** Where points lie: the values at the left and right, and at the lower and upper edge. */
export interface Seen {
  x: readonly [number, number];
  y: readonly [number, number];
}

export interface Ink {
  kept: number;
  rejected: number;
}

/** Size of a point in px. */
export function dotSize(points: number): number {
  return points > 4000 ? 2 : points > 600 ? 3 : 4;
}

/**
 * Set squares of `size` px in the pixels of a picture, kept ones above the others. Those beyond an edge stand at it.
 */
export function setDots(
  pixels: Uint32Array,
  width: number,
  height: number,
  points: Points,
  seen: Seen,
  size: number,
  ink: Ink,
): void {
  const { x, y } = points;
  const [perX, perY] = [width / (seen.x[1] - seen.x[0]), height / (seen.y[1] - seen.y[0])];
  const [mostX, mostY] = [width - size, height - size];
  for (const kept of [false, true]) {
    const colour = kept ? ink.kept : ink.rejected;
    for (let place = 0; place < x.length; place++) {
      if (points.kept[place] !== kept) continue;
      const across = ((x[place] ?? 0) - seen.x[0]) * perX - size / 2;
      const down = (seen.y[1] - (y[place] ?? 0)) * perY - size / 2;
      const left = Math.round(Math.min(mostX, Math.max(0, across)));
      const top = Math.round(Math.min(mostY, Math.max(0, down)));
      for (let row = top; row < top + size; row++) {
        const first = row * width + left;
        for (let at = first; at < first + size; at++) pixels[at] = colour;
      }
    }
  }
}

/** A colour as the four bytes of a pixel; `opacity` from 0 to 1. */
export function pixelOf(hex: string, opacity: number): number {
  const rgb = Number.parseInt(hex.slice(1), 16);
  const bytes = new Uint8ClampedArray([rgb >> 16, rgb >> 8, rgb, 255 * opacity].map((byte) => byte & 255));
  return new Uint32Array(bytes.buffer)[0] ?? 0;
}

let sheet: HTMLCanvasElement | undefined;

/** Draw points into a box of a canvas (px of the canvas). */
export function drawDots(
  ctx: CanvasRenderingContext2D,
  box: { left: number; top: number; width: number; height: number },
  points: Points,
  seen: Seen,
  colours: { kept: string; rejected: string },
): void {
  const [width, height] = [Math.round(box.width), Math.round(box.height)];
  const size = Math.round(dotSize(points.x.length) * devicePixelRatio);
  if (width <= size || height <= size) return;
  sheet ??= document.createElement("canvas");
  sheet.width = width;
  sheet.height = height;
  const own = sheet.getContext("2d");
  if (!own) return;
  const inkOf = (colour: string, opacity: number) => {
    own.fillStyle = colour;
    // However it was set, it is read back as #rrggbb.
    return pixelOf(String(own.fillStyle), opacity);
  };
  const ink = { kept: inkOf(colours.kept, 0.85), rejected: inkOf(colours.rejected, 0.55) };
  const picture = own.createImageData(width, height);
  setDots(new Uint32Array(picture.data.buffer), width, height, points, seen, size, ink);
  own.putImageData(picture, 0, 0);
  ctx.drawImage(sheet, Math.round(box.left), Math.round(box.top));
}
