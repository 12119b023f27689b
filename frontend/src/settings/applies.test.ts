import { describe, expect, it } from "vitest";
import type { SettingInfo } from "../api/types";
import { fixedByWarp, hiddenReason } from "./applies";

const info = (name: string, tab: string) => ({ name, tab, without_effect: "" }) as SettingInfo;

describe("settings beside Warp", () => {
  const fresh = { kind: "warp", box_size_px: null };
  const read = { kind: "warp", box_size_px: 128, warp_folder: "/data/warp" };
  it("hides what Warp does, and what it decides until it was read", () => {
    expect(hiddenReason(info("gain_path", "gain"), read)).toBe("Warp does this");
    expect(hiddenReason(info("voltage_kv", "microscope"), fresh)).toBe("read from Warp's settings");
    expect(hiddenReason(info("voltage_kv", "microscope"), read)).toBe("");
    expect(hiddenReason(info("pick_threshold", "detection"), read)).toBe("");
    expect(hiddenReason(info("poll_s", "transfer"), read)).toBe("");
    expect(hiddenReason(info("write_live2d_folder", "image_data"), read)).toBe("");
    expect(hiddenReason(info("class_count", "classification"), read)).toBe("");
  });
  it("shows nothing of Warp in other sessions", () => {
    expect(hiddenReason(info("neural_net", "image_data"), { kind: "movies" })).toBe("only for Warp folders");
    expect(hiddenReason(info("warp_folder", "image_data"), { kind: "movies" })).toBe("only for Warp folders");
    expect(hiddenReason(info("voltage_kv", "microscope"), { kind: "movies" })).toBe("");
  });
  it("fixes what Warp decides", () => {
    expect(fixedByWarp({ kind: "movies" })).toEqual({});
    expect(Object.keys(fixedByWarp(read))).toContain("box_size_px");
    expect(fixedByWarp(read).warp_folder).toBeUndefined();
  });
});
