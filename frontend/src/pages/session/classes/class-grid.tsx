import { memo, type PointerEvent, useRef, useState } from "react";
import { count, fixed } from "../../../lib/format";
import { Icon } from "../../../ui/icon";
import { type ClassInfo, sheetPlace } from "./class-order";

interface ClassGridProps {
  classes: ReadonlyMap<number, ClassInfo>;
  order: readonly number[];
  /** Picture of all averages. */
  sheet: string;
  /** How many classes the picture holds. */
  held: number;
  sizePx: number;
  chosen: ReadonlySet<number>;
  /** A click chooses instead of showing. */
  choosing: boolean;
  onOpen: (id: number) => void;
  onToggle: (id: number) => void;
  /** All classes inside a drawn box. */
  onBox: (ids: readonly number[]) => void;
}

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** The averages: all from one picture, in one scale of grey. */
export function ClassGrid(props: ClassGridProps) {
  const { classes, order, choosing, sizePx } = props;
  const list = useRef<HTMLUListElement>(null);
  const start = useRef<{ x: number; y: number } | null>(null);
  const wasBox = useRef(false);
  const [box, setBox] = useState<Box | null>(null);
  const drawn = (event: PointerEvent): Box | null => {
    const frame = list.current?.getBoundingClientRect();
    if (!frame || !start.current) return null;
    const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
    const { x: x0, y: y0 } = start.current;
    return { left: Math.min(x, x0), top: Math.min(y, y0), width: Math.abs(x - x0), height: Math.abs(y - y0) };
  };
  const finish = (event: PointerEvent) => {
    const last = drawn(event);
    start.current = null;
    setBox(null);
    if (!last || Math.max(last.width, last.height) < 8 || !list.current) return;
    wasBox.current = true;
    const inside: number[] = [];
    for (const [place, item] of [...list.current.querySelectorAll("li")].entries()) {
      const { offsetLeft: left, offsetTop: top, offsetWidth: width, offsetHeight: height } = item;
      const across = left < last.left + last.width && left + width > last.left;
      const id = order[place];
      if (across && top < last.top + last.height && top + height > last.top && id !== undefined)
        inside.push(id);
    }
    props.onBox(inside);
  };
  return (
    <ul
      ref={list}
      className={`class-grid ${choosing ? "is-choosing" : ""}`}
      style={{ gridTemplateColumns: `repeat(auto-fill, minmax(${sizePx}px, 1fr))` }}
      onPointerDown={(event) => {
        const frame = list.current?.getBoundingClientRect();
        wasBox.current = false;
        if (choosing && frame && event.button === 0 && event.pointerType !== "touch") {
          start.current = { x: event.clientX - frame.left, y: event.clientY - frame.top };
        }
      }}
      onPointerMove={(event) => {
        const next = drawn(event);
        if (next && Math.max(next.width, next.height) >= 8) setBox(next);
      }}
      onPointerUp={finish}
      onPointerLeave={() => {
        start.current = null;
        setBox(null);
      }}
    >
      {order.map((id) => {
        const item = classes.get(id);
        return item ? (
          <ClassTile
            key={id}
            item={item}
            sheet={props.sheet}
            held={props.held}
            chosen={props.chosen.has(id)}
            choosing={choosing}
            onPress={() => {
              if (wasBox.current) return;
              if (choosing) props.onToggle(id);
              else props.onOpen(id);
            }}
          />
        ) : null;
      })}
      {box ? <span className="choice-box" style={box} aria-hidden="true" /> : null}
    </ul>
  );
}

interface ClassTileProps {
  item: ClassInfo;
  sheet: string;
  held: number;
  chosen: boolean;
  choosing: boolean;
  onPress: () => void;
}

const ClassTile = memo(
  function ClassTile({ item, sheet, held, chosen, choosing, onPress }: ClassTileProps) {
    const { size, position } = sheetPlace(item.id, held);
    return (
      <li>
        <button
          type="button"
          className={`class-tile ${chosen ? "is-chosen" : ""} ${item.particles ? "" : "is-empty"}`}
          aria-pressed={choosing ? chosen : undefined}
          title={item.reasons.join("; ")}
          onClick={onPress}
        >
          <span className="class-number">
            <span className="only-read">Class </span>
            {item.id}
            <span className="only-read">:</span>
          </span>
          {item.particles ? (
            <span
              className="class-picture"
              style={{
                backgroundImage: `url("${sheet}")`,
                backgroundSize: size,
                backgroundPosition: position,
              }}
            />
          ) : (
            <span className="class-picture class-none">empty</span>
          )}
          {chosen ? (
            <span className="class-mark">
              <Icon name="check" />
            </span>
          ) : null}
          <span className="class-words number">
            <b>
              {count(item.particles)}
              <span className="only-read"> particles</span>
            </b>
            <span>{item.resolutionA === null ? "" : `${fixed(item.resolutionA, 1)} Å`}</span>
            {item.quality === null ? null : (
              <span>
                <span className="only-read">quality </span>
                {fixed(item.quality, 2)}
              </span>
            )}
            {chosen ? <span className="only-read">selected</span> : null}
          </span>
        </button>
      </li>
    );
  },
  (before, after) =>
    before.sheet === after.sheet &&
    before.held === after.held &&
    before.chosen === after.chosen &&
    before.choosing === after.choosing &&
    JSON.stringify(before.item) === JSON.stringify(after.item),
);
