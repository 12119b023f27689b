import type { TrackName } from "../api/types";

export const TRACKS: readonly TrackName[] = ["transfer", "preprocess", "classify2d"];

export const TRACK_LABEL: Record<TrackName, string> = {
  transfer: "File transfer",
  preprocess: "Pre-processing",
  classify2d: "2D classification",
};
