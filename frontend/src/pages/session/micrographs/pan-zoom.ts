/** Where a picture lies in its window: scale 1 fits it; x and y are px from where it fits. */

export interface View {
  scale: number;
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

export const FITTED: View = { scale: 1, x: 0, y: 0 };
const LARGEST = 40;

/** Size of the picture when it fits its window. */
export function fittedSize(window: Size, picture: Size): Size {
  if (!window.width || !window.height || !picture.width || !picture.height) return { width: 0, height: 0 };
  const scale = Math.min(window.width / picture.width, window.height / picture.height);
  return { width: picture.width * scale, height: picture.height * scale };
}

/** Keep the picture in sight: no gap on a side while it is larger than the window, centred while smaller. */
export function kept(view: View, window: Size, fitted: Size): View {
  const scale = Math.min(LARGEST, Math.max(1, view.scale));
  const free = (size: number, room: number) => Math.max(0, (size * scale - room) / 2);
  const limitX = free(fitted.width, window.width);
  const limitY = free(fitted.height, window.height);
  return {
    scale,
    x: Math.min(limitX, Math.max(-limitX, view.x)),
    y: Math.min(limitY, Math.max(-limitY, view.y)),
  };
}

/** Zoom so that the point under the pointer, px from the window's centre, stays where it is. */
export function zoomedAt(view: View, factor: number, fromCentre: { x: number; y: number }): View {
  const scale = Math.min(LARGEST, Math.max(1, view.scale * factor));
  const ratio = scale / view.scale;
  return {
    scale,
    x: fromCentre.x - (fromCentre.x - view.x) * ratio,
    y: fromCentre.y - (fromCentre.y - view.y) * ratio,
  };
}

/** Place in the picture, from 0 to 1 along each side, of a point px from the window's centre. */
export function placeOf(
  view: View,
  fitted: Size,
  fromCentre: { x: number; y: number },
): { x: number; y: number } {
  return {
    x: (fromCentre.x - view.x) / (fitted.width * view.scale) + 0.5,
    y: (fromCentre.y - view.y) / (fitted.height * view.scale) + 0.5,
  };
}
