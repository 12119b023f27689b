import { type PointerEvent, type ReactNode, useRef, useState } from "react";
import { fixed } from "../../../lib/format";
import { useKeys } from "../../../lib/keyboard";
import { Button } from "../../../ui/button";
import { barLength } from "./motion-plot";
import { type Place, usePanZoom } from "./use-pan-zoom";

interface MicrographViewProps {
  src: string;
  alt: string;
  /** Width of the field, Å; null where nothing says it. */
  widthA: number | null;
  /** Percent; 100 is as it was made. */
  contrast: number;
  brightness: number;
  ruler: boolean;
  /** A press that did not drag, at a place of the picture from 0 to 1. */
  onClick?: ((place: Place) => void) | undefined;
  /** Lies over the picture and moves with it. */
  children?: ReactNode;
}

/** A hand that presses moves by less than this. */
const STILL_PX = 4;

/** A micrograph to look into: pan, zoom, ruler, scale bar. */
export function MicrographView(props: MicrographViewProps) {
  const { src, widthA, ruler } = props;
  const frame = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 1, height: 1 });
  const [missing, setMissing] = useState("");
  const [line, setLine] = useState<readonly [Place, Place] | null>(null);
  const measuring = useRef(false);
  const pressed = useRef<{ x: number; y: number } | null>(null);
  const { view, fitted, zoom, reset, placeAt, pan } = usePanZoom(frame, size);
  useKeys({ "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), "0": reset });
  const perPx = widthA === null || !fitted.width ? null : widthA / (fitted.width * view.scale);
  const measure = {
    onPointerDown: (event: PointerEvent) => {
      event.currentTarget.setPointerCapture(event.pointerId);
      measuring.current = true;
      const place = placeAt(event);
      setLine([place, place]);
    },
    onPointerMove: (event: PointerEvent) => {
      if (measuring.current) setLine((old) => (old ? [old[0], placeAt(event)] : null));
    },
    onPointerUp: () => {
      measuring.current = false;
    },
  };
  const clickable = {
    ...pan,
    onPointerDown: (event: PointerEvent) => {
      // With a second finger it is a pinch.
      pressed.current = event.isPrimary && event.button === 0 ? { x: event.clientX, y: event.clientY } : null;
      pan.onPointerDown(event);
    },
    onPointerUp: (event: PointerEvent) => {
      pan.onPointerUp(event);
      const from = pressed.current;
      pressed.current = null;
      if (!from || Math.hypot(event.clientX - from.x, event.clientY - from.y) > STILL_PX) return;
      props.onClick?.(placeAt(event));
    },
  };
  const shown = ruler ? line : null;
  return (
    <div
      ref={frame}
      className={`view ${ruler || props.onClick ? "is-measuring" : ""}`}
      role="application"
      aria-label={`${props.alt}. Drag to move, wheel or + and - to zoom, 0 to fit.`}
      {...(ruler ? measure : props.onClick ? clickable : pan)}
    >
      <div
        className="view-inner"
        style={{
          width: fitted.width,
          height: fitted.height,
          transform: `translate(-50%, -50%) translate(${view.x}px, ${view.y}px) scale(${view.scale})`,
        }}
      >
        {missing === src ? null : (
          <img
            src={src}
            alt={props.alt}
            draggable={false}
            style={{ filter: `contrast(${props.contrast}%) brightness(${props.brightness}%)` }}
            onLoad={({ currentTarget: image }) =>
              setSize({ width: image.naturalWidth, height: image.naturalHeight })
            }
            onError={() => setMissing(src)}
          />
        )}
        {props.children}
        {shown ? <RulerLine from={shown[0]} to={shown[1]} /> : null}
      </div>
      {missing === src ? <p className="picture-missing">there is no picture yet</p> : null}
      {perPx === null ? null : <ScaleBar perPx={perPx} />}
      {shown && widthA !== null ? (
        <output className="view-note">{lengthText(shown, widthA, size.height / size.width)}</output>
      ) : null}
      {/* A press on a button is none on the picture, which would take hold of the pointer. */}
      <div className="view-zoom" onPointerDown={(event) => event.stopPropagation()}>
        <Button small look="quiet" icon="plus" aria-label="Zoom in" onClick={() => zoom(1.5)} />
        <Button small look="quiet" aria-label="Zoom out" onClick={() => zoom(1 / 1.5)}>
          −
        </Button>
        <Button small look="quiet" onClick={reset}>
          Fit
        </Button>
      </div>
    </div>
  );
}

/** "123 Å", "45.6 nm", "1.20 µm". */
export function lengthWords(lengthA: number): string {
  if (lengthA < 995) return `${fixed(lengthA, lengthA < 9.95 ? 1 : 0)} Å`;
  if (lengthA < 9950) return `${fixed(lengthA / 10, lengthA < 999.5 ? 1 : 0)} nm`;
  return `${fixed(lengthA / 1e4, 2)} µm`;
}

function lengthText([from, to]: readonly [Place, Place], widthA: number, ratio: number): string {
  return lengthWords(widthA * Math.hypot(to.x - from.x, (to.y - from.y) * ratio));
}

function RulerLine({ from, to }: { from: Place; to: Place }) {
  return (
    <svg className="view-overlay" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
      <line
        x1={from.x}
        y1={from.y}
        x2={to.x}
        y2={to.y}
        className="ruler-line"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}

function ScaleBar({ perPx }: { perPx: number }) {
  const length = barLength(600 * perPx);
  return (
    <div className="scale-bar">
      <div style={{ width: length / perPx }} />
      {lengthWords(length).replace(".00", "")}
    </div>
  );
}
