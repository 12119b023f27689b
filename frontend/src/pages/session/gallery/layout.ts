export const GAP_PX = 10;
/** Two lines below each picture. */
export const CAPTION_PX = 44;

/** How many tiles of about this size stand side by side, and how wide they become. */
export function across(width: number, wanted: number): { count: number; tile: number } {
  const count = Math.max(1, Math.floor((width + GAP_PX) / (wanted + GAP_PX)));
  const tile = Math.max(60, Math.floor((width - (count - 1) * GAP_PX) / count));
  return { count, tile };
}
