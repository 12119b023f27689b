/** Which settings mean something under the others; the rest is hidden, with the reason. */

import type { SettingInfo, Values } from "../api/types";

type Rule = (values: Values) => string;

const needs =
  (name: string, wanted: readonly (string | boolean)[], reason: string): Rule =>
  (values) =>
    wanted.includes(values[name] as string | boolean) ? "" : reason;

const warp = needs("kind", ["warp"], "only for Warp folders");
const notWarp = needs("kind", ["movies", "micrographs"], "Warp has done this");
const frames: Rule = (values) =>
  values.kind !== "movies" || values.has_frames === false ? "there are no frames" : "";
const copies = needs("transfer_mode", ["copy", "move"], "only when files are copied or moved");
const aligned: Rule = (values) =>
  frames(values) || (values.alignment_method === "none" ? "frames are not aligned" : "");
const local: Rule = (values) =>
  frames(values) || needs("alignment_method", ["local"], "only for local alignment")(values);
const phase = needs("fit_phase_shift", [true], "the phase shift is not fitted");
const picks: Rule = (values) =>
  notWarp(values) || (values.picking_method === "none" ? "nothing is picked" : "");
const picked = (method: string): Rule => needs("picking_method", [method], `only for picking by ${method}`);
const streaming = needs("mode", ["streaming"], "only while streaming");
const scheduled = needs("mode", ["abinit", "seeded", "refine"], "only for scheduled jobs");
const cistem = needs("engine", ["cistem"], "only for the cisTEM engine");

const RULES: Record<string, Rule> = {
  warp_folder: warp,
  warp_particles: warp,
  work_subfolder: warp,
  write_live2d_folder: warp,
  source_path: notWarp,
  source_recursive: notWarp,
  file_patterns: notWarp,
  ignore_patterns: notWarp,
  metadata_path: notWarp,
  has_frames: needs("kind", ["movies"], "only for movies"),
  gain_path: frames,
  gain_rotation_deg: frames,
  gain_flip_x: frames,
  gain_flip_y: frames,
  gain_invert: frames,
  gain_auto_orient: frames,
  defects_path: frames,
  hot_pixel_sigma: frames,
  movie_compression: copies,
  verify_copies: copies,
  transfer_streams: copies,
  bandwidth_limit_mb_s: copies,
  sidecar_grace_s: (values) => (values.require_sidecar ? "" : "no side file is waited for"),
  alignment_method: frames,
  patch_grid: local,
  patch_overlap_percent: local,
  local_bfactor_a2: local,
  alignment_bfactor_a2: aligned,
  alignment_low_a: aligned,
  alignment_high_a: aligned,
  whiten: aligned,
  reference_frame: aligned,
  frame_group: aligned,
  first_frame: frames,
  last_frame: frames,
  eer_upsampling: frames,
  eer_frames_per_fraction: frames,
  dose_weighting: frames,
  sum_dose_min_e_per_a2: frames,
  sum_dose_max_e_per_a2: frames,
  write_unweighted: frames,
  write_half_sums: frames,
  astigmatism_max_a: needs("fit_astigmatism", [true], "astigmatism is not fitted"),
  phase_shift_min_deg: phase,
  phase_shift_max_deg: phase,
  phase_shift_step_deg: phase,
  known_tilt_axis_deg: needs("fit_tilt", [true], "the tilt is not fitted"),
  blob_shape: picked("blob"),
  template_selection: picked("template"),
  model_path: picked("model"),
  model_pixel_size_a: picked("model"),
  import_coordinates: picked("import"),
  pick_threshold: picks,
  min_distance_a: picks,
  max_picks: picks,
  expected_particles: picks,
  contamination_mask: picks,
  stream_start_particles: streaming,
  publish_s: streaming,
  initial_resolution_a: (values) => (values.mode === "refine" ? "refinement has no ramp" : ""),
  startup_cycles: needs("mode", ["abinit", "seeded"], "only for ab initio and seeded start-up"),
  seeded_startup_cycles: needs(
    "mode",
    ["seeded", "abinit"],
    "only for seeded start-up, also after ab initio",
  ),
  refinement_cycles: scheduled,
  start_particles: scheduled,
  update_particles: scheduled,
  startup_fraction: needs("mode", ["abinit"], "only for ab initio"),
  particles_per_class: needs("mode", ["abinit"], "only for ab initio"),
  max_particles_abinit: needs("mode", ["abinit"], "only for ab initio"),
  max_particles_seeded: needs("mode", ["abinit", "seeded"], "only for seeded start-up"),
  max_particles_refine: needs("mode", ["refine"], "only for refinement"),
  absorb_between_cycles: scheduled,
  start_after_minutes: scheduled,
  listen_period_s: scheduled,
  psi_step_deg: cistem,
  search_range_a: cistem,
  smoothing: cistem,
};

/** What Warp decides, by name; shown once it was read. */
export const FROM_WARP: readonly string[] = [
  "neural_net",
  "pick_threshold",
  "box_size_px",
  "particle_pixel_size_a",
  "particle_diameter_min_a",
  "particle_diameter_max_a",
  "pixel_size_a",
  "voltage_kv",
  "cs_mm",
  "amplitude_contrast",
];
const WARP_TABS = new Set(["image_data", "gain", "microscope", "transfer", "alignment", "ctf", "detection"]);
const BESIDE_WARP = new Set([
  "warp_folder",
  "warp_particles",
  "work_subfolder",
  "write_live2d_folder",
  "poll_s",
  "min_free_gb",
  "output_depth",
]);

/** Why a field of a session on a Warp folder is not shown; null where other rules decide. */
function besideWarp(info: SettingInfo, values: Values): string | null {
  if (values.kind !== "warp") return info.name === "neural_net" ? "only for Warp folders" : null;
  if (FROM_WARP.includes(info.name)) {
    return values.box_size_px === null ? "read from Warp's settings" : "";
  }
  if (WARP_TABS.has(info.tab) && !BESIDE_WARP.has(info.name)) return "Warp does this";
  return null;
}

/** Fields of a saved session that can't be changed here, because Warp decides them. */
export function fixedByWarp(saved: Values): Record<string, string> {
  if (saved.kind !== "warp") return {};
  return Object.fromEntries(FROM_WARP.map((name) => [name, "as in Warp: change it there"]));
}

/**
 * Why a field is not shown: under what is staged, since it does nothing yet, or by the server's word. That word
 * is about what was saved: where the page has a rule of its own, it follows what is staged and not the word.
 */
export function hiddenReason(
  info: SettingInfo,
  values: Values,
  notUsed: Record<string, string> = {},
): string {
  const warpSays = besideWarp(info, values);
  if (warpSays !== null) return warpSays;
  const word = info.name in RULES ? "" : notUsed[info.name];
  return reasonHidden(info.name, values) || info.without_effect || word || "";
}

/** Why a setting means nothing under these values; empty where it does. */
export function reasonHidden(name: string, values: Values): string {
  return RULES[name]?.(values) ?? "";
}
