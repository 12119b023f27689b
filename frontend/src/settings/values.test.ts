import { describe, expect, it } from "vitest";
import type { SettingInfo } from "../api/types";
import { hiddenReason, reasonHidden } from "./applies";
import { allowed, changesOf, merged, parse, shown, typedOf } from "./values";

const info = (part: Partial<SettingInfo>): SettingInfo => ({
  name: "pixel_size_a",
  tab: "microscope",
  tab_label: "Microscope parameters",
  label: "Pixel size",
  meaning: "",
  unit: "Å",
  default: null,
  low: 0.1,
  high: 20,
  choices: [],
  kind: "float",
  automatic: true,
  stage: "align",
  required: false,
  fixed_at_creation: false,
  session_value: false,
  without_effect: "",
  ...part,
});
const cycles = info({
  name: "startup_cycles",
  kind: "int",
  automatic: false,
  default: 15,
  low: 0,
  high: 200,
  unit: "",
});
const patterns = info({
  name: "file_patterns",
  kind: "list",
  automatic: false,
  default: ["*.tif"],
  low: null,
  high: null,
});
const whiten = info({ name: "whiten", kind: "bool", automatic: false, default: true });

describe("what is typed", () => {
  it("is read as the kind of setting it is", () => {
    expect(parse(info({}), " 0,85 ")).toEqual({ value: 0.85 });
    expect(parse(info({}), "auto")).toEqual({ value: null });
    expect(parse(info({}), "")).toEqual({ value: null });
    expect(parse(patterns, "*.tif, *.eer  *.mrc")).toEqual({ value: ["*.tif", "*.eer", "*.mrc"] });
    expect(parse(whiten, false)).toEqual({ value: false });
  });
  it("is refused with what may be given", () => {
    expect(parse(info({}), "25")).toEqual({ error: "Must be a number from 0.1 to 20 Å." });
    expect(parse(cycles, "2.5")).toEqual({ error: "Must be a whole number from 0 to 200." });
    expect(parse(cycles, "")).toEqual({ error: "Needs a whole number from 0 to 200." });
    expect(parse(cycles, "many")).toHaveProperty("error");
    expect(allowed(info({ choices: ["a", "b"] }))).toBe("one of a, b");
  });
  it("comes back to its field as it was saved", () => {
    expect(typedOf(info({}), 0.85)).toBe("0.85");
    expect(typedOf(info({}), null)).toBe("");
    expect(typedOf(patterns, undefined)).toBe("*.tif");
    expect(typedOf(whiten, false)).toBe(false);
    expect(shown(info({}), 0.85)).toBe("0.85 Å");
    expect(shown(info({}), null)).toBe("auto");
    expect(shown(info({ required: true }), null)).toBe("not given");
    expect(shown(info({ kind: "str" }), null)).toBe("none");
  });
});

describe("what is staged", () => {
  const schema = [info({}), cycles, patterns, whiten];
  it("counts only where it differs from what is saved", () => {
    const staged = { pixel_size_a: "0.85", startup_cycles: "15", whiten: false, file_patterns: "*.tif" };
    expect(changesOf(schema, { pixel_size_a: 0.85 }, staged)).toEqual({
      values: { whiten: false },
      errors: {},
    });
  });
  it("names what can't be read and leaves it out", () => {
    const { values, errors } = changesOf(schema, {}, { pixel_size_a: "x", startup_cycles: "10" });
    expect(values).toEqual({ startup_cycles: 10 });
    expect(Object.keys(errors)).toEqual(["pixel_size_a"]);
  });
  it("lies over what is saved", () => {
    expect(merged(schema, { startup_cycles: 3 }, { pixel_size_a: "1" })).toMatchObject({
      pixel_size_a: 1,
      startup_cycles: 3,
      whiten: true,
    });
  });
});

describe("settings without effect", () => {
  it("are hidden with the reason", () => {
    expect(reasonHidden("phase_shift_step_deg", { fit_phase_shift: false })).toMatch(/not fitted/);
    expect(reasonHidden("phase_shift_step_deg", { fit_phase_shift: true })).toBe("");
    expect(reasonHidden("patch_grid", { kind: "movies", has_frames: false })).toBe("there are no frames");
    expect(reasonHidden("pixel_size_a", {})).toBe("");
  });

  it("follow what is staged, not the server's word about what was saved", () => {
    const word = { refinement_cycles: "only the scheduled kinds have it", write_stacks: "not now" };
    const hidden = (name: string, mode: string) => hiddenReason(info({ name }), { mode }, word);
    expect(hidden("refinement_cycles", "seeded")).toBe("");
    expect(hidden("refinement_cycles", "streaming")).toBe("only for scheduled jobs");
    expect(hidden("write_stacks", "seeded")).toBe("not now");
    expect(
      hiddenReason(info({ name: "publish_s", without_effect: "not built" }), { mode: "streaming" }),
    ).toBe("not built");
  });
});
