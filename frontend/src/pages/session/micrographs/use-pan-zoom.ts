import { type PointerEvent, type RefObject, useCallback, useEffect, useRef, useState } from "react";
import { FITTED, fittedSize, kept, placeOf, type Size, type View, zoomedAt } from "./pan-zoom";

export interface Place {
  x: number;
  y: number;
}

interface PanZoom {
  view: View;
  fitted: Size;
  zoom: (factor: number) => void;
  reset: () => void;
  /** Where a pointer is in the picture, from 0 to 1. */
  placeAt: (event: { clientX: number; clientY: number }) => Place;
  /** Handlers of the window. */
  pan: {
    onPointerDown: (event: PointerEvent) => void;
    onPointerMove: (event: PointerEvent) => void;
    onPointerUp: (event: PointerEvent) => void;
    onPointerCancel: (event: PointerEvent) => void;
  };
}

/** Pan by dragging, zoom by wheel and by two fingers. */
export function usePanZoom(frame: RefObject<HTMLElement | null>, picture: Size): PanZoom {
  const [view, setView] = useState<View>(FITTED);
  const [room, setRoom] = useState<Size>({ width: 0, height: 0 });
  const fitted = fittedSize(room, picture);
  const now = useRef({ room, fitted });
  now.current = { room, fitted };
  const fingers = useRef(new Map<number, { x: number; y: number }>());

  const change = useCallback((next: (old: View) => View) => {
    setView((old) => kept(next(old), now.current.room, now.current.fitted));
  }, []);
  const fromCentre = useCallback(
    (event: { clientX: number; clientY: number }) => {
      const box = frame.current?.getBoundingClientRect();
      if (!box) return { x: 0, y: 0 };
      return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 };
    },
    [frame],
  );

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const measure = () => setRoom({ width: element.clientWidth, height: element.clientHeight });
    measure();
    const watcher = new ResizeObserver(measure);
    watcher.observe(element);
    // React's own listener can't keep the page from scrolling.
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const at = fromCentre(event);
      change((old) => zoomedAt(old, Math.exp(-event.deltaY * 0.0015), at));
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      watcher.disconnect();
      element.removeEventListener("wheel", wheel);
    };
  }, [frame, change, fromCentre]);

  const lift = (event: PointerEvent) => void fingers.current.delete(event.pointerId);
  return {
    view,
    fitted,
    zoom: (factor) => change((old) => zoomedAt(old, factor, { x: 0, y: 0 })),
    reset: () => setView(FITTED),
    placeAt: (event) => placeOf(view, fitted, fromCentre(event)),
    pan: {
      onPointerDown: (event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        fingers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
      },
      onPointerMove: (event) => {
        const before = fingers.current.get(event.pointerId);
        if (!before) return;
        const after = { x: event.clientX, y: event.clientY };
        const other = [...fingers.current].find(([id]) => id !== event.pointerId)?.[1];
        fingers.current.set(event.pointerId, after);
        if (!other) {
          change((old) => ({ ...old, x: old.x + after.x - before.x, y: old.y + after.y - before.y }));
          return;
        }
        const apart = (a: Place, b: Place) => Math.max(1, Math.hypot(a.x - b.x, a.y - b.y));
        const factor = apart(after, other) / apart(before, other);
        const at = fromCentre({ clientX: (after.x + other.x) / 2, clientY: (after.y + other.y) / 2 });
        change((old) => zoomedAt(old, factor, at));
      },
      onPointerUp: lift,
      onPointerCancel: lift,
    },
  };
}
