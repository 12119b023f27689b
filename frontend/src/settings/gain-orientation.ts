/** How a gain reference lies on the camera: turned clockwise, then flipped. */

import type { GainCheck, Values } from "../api/types";
import { fixed, plural } from "../lib/format";
import type { Typed } from "./values";

export interface Lie {
  rotation_deg: number;
  flip_x: boolean;
}

/** As it is set now; flipping rows is turning by half and flipping columns. */
export function lieOf(values: Values): Lie {
  const turned = Number(values.gain_rotation_deg ?? 0) || 0;
  const flipsRows = values.gain_flip_y === true;
  return {
    rotation_deg: (turned + (flipsRows ? 180 : 0)) % 360,
    flip_x: (values.gain_flip_x === true) !== flipsRows,
  };
}

export function isSame(a: Lie, b: Lie): boolean {
  return a.rotation_deg === b.rotation_deg && a.flip_x === b.flip_x;
}

/** "as it is", "90°", "flipped", "90° and flipped". */
export function lieWords({ rotation_deg: turned, flip_x: flipped }: Lie): string {
  if (!turned) return flipped ? "flipped left-right" : "as it is";
  return flipped ? `${turned}° and flipped` : `${turned}°`;
}

/** What a picture of the stored reference needs to lie like this: the browser turns first, then flips. */
export function lieTransform({ rotation_deg: turned, flip_x: flipped }: Lie): string {
  return `${flipped ? "scaleX(-1) " : ""}rotate(${turned}deg)`;
}

/** What stands in the fields of an orientation. */
export function lieTyped(lie: Lie): Record<string, Typed> {
  return { gain_rotation_deg: String(lie.rotation_deg), gain_flip_x: lie.flip_x, gain_flip_y: false };
}

/** What a check found, for people; whether it asks for a change. */
export function verdict(check: GainCheck, now: Lie): { tone: "good" | "warn"; text: string } {
  const best = check.orientations[0];
  const from = `${plural(check.frames, "frame")} of ${plural(check.movies, "movie")}`;
  if (!best) return { tone: "warn", text: "Nothing could be compared." };
  const sigma = `${fixed(Math.abs(best.score_sigma), 0)} σ`;
  if (!check.sure) {
    return {
      tone: "warn",
      text:
        Math.abs(best.score_sigma) < 5
          ? `No orientation fits (best ${sigma}, ${from}). Are the movies corrected already, or is the reference of another day or camera?`
          : `Not sure: two orientations fit about as well (${sigma}, ${fixed(check.ratio, 1)} times the second; ${from}).`,
    };
  }
  const how = `${sigma}${check.ratio === null ? "" : `, ${fixed(check.ratio, 0)} times the second`}; ${from}`;
  const inverted = check.inverted ? " It fits when it is inverted: change Inverse gain." : "";
  return isSame(best, now)
    ? { tone: inverted ? "warn" : "good", text: `The reference fits as it is set (${how}).${inverted}` }
    : { tone: "warn", text: `The reference fits ${lieWords(best)}, not as it is set (${how}).${inverted}` };
}
