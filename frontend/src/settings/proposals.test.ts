import { describe, expect, it } from "vitest";
import type { SettingInfo, SourceMetadata } from "../api/types";
import { freeOnes, proposals, sourceText } from "./proposals";

const info = (name: string, part: Partial<SettingInfo> = {}): SettingInfo => ({
  name,
  tab: "microscope",
  tab_label: "Microscope parameters",
  label: name,
  meaning: "",
  unit: "",
  default: null,
  low: null,
  high: null,
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
const schema = [
  info("pixel_size_a"),
  info("voltage_kv"),
  info("gain_path", { kind: "str" }),
  info("fit_phase_shift", { kind: "bool", default: false, automatic: false }),
];
const told: SourceMetadata = {
  values: { voltage_kv: 300, pixel_size_a: 0.85, gain_path: "/data/a.gain", fit_phase_shift: true, odd: 3 },
  source: "EPU",
  side_file: "/data/GridSquare_1/a.xml",
  movie: "/data/a.tif",
  frames: 40,
  camera: null,
  notes: [],
};
const states = (saved: Parameters<typeof proposals>[1], staged: Parameters<typeof proposals>[2]) =>
  Object.fromEntries(
    proposals(schema, saved, staged, told).map(({ info: { name }, state }) => [name, state]),
  );

describe("what the microscope says", () => {
  it("is proposed in the order of the form", () => {
    expect(proposals(schema, {}, {}, told).map(({ info: { name }, typed }) => [name, typed])).toEqual([
      ["pixel_size_a", "0.85"],
      ["voltage_kv", "300"],
      ["gain_path", "/data/a.gain"],
      ["fit_phase_shift", true],
    ]);
    expect(sourceText(told)).toBe("EPU, a.xml");
  });
  it("never takes the place of what was typed or saved", () => {
    expect(
      states(
        { pixel_size_a: 0.9, gain_path: "/data/b.gain" },
        { voltage_kv: "200", fit_phase_shift: false, gain_path: "/data/c.gain" },
      ),
    ).toEqual({
      pixel_size_a: "other",
      voltage_kv: "other",
      gain_path: "other",
      fit_phase_shift: "other",
    });
    const found = proposals(schema, { pixel_size_a: 0.9 }, { voltage_kv: "half typed" }, told);
    expect(freeOnes(found).map(({ info: { name } }) => name)).toEqual(["gain_path", "fit_phase_shift"]);
  });
  it("is free for a field that is empty, and taken where it stands already", () => {
    expect(states({ pixel_size_a: 0.85 }, { voltage_kv: " ", gain_path: "/data/a.gain" })).toEqual({
      pixel_size_a: "taken",
      voltage_kv: "free",
      gain_path: "taken",
      fit_phase_shift: "free",
    });
    expect(states({}, { voltage_kv: "300.0" }).voltage_kv).toBe("taken");
  });
});
