import { useEffect, useState } from "react";
import type { ColumnInfo } from "../api/types";
import { shownAs } from "../lib/columns";
import type { Range } from "../lib/filters";
import { Button } from "../ui/button";

/** A bound as it is typed, in the unit of people; empty: no bound. */
export function boundText(column: ColumnInfo, bound: number | null): string {
  if (bound === null) return "";
  if (column.kind === "time") return momentText(bound);
  const { scale } = shownAs(column);
  return String(Number((bound * scale).toPrecision(6)));
}

/** What was typed as a bound in the unit of the column; undefined if it is no number. */
export function readBound(column: ColumnInfo, text: string): number | null | undefined {
  const said = text.trim().replace(",", ".");
  if (!said) return null;
  if (column.kind === "time") return readMoment(said);
  const value = Number(said);
  if (!Number.isFinite(value)) return undefined;
  return Number((value / shownAs(column).scale).toPrecision(9));
}

const MOMENT = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?$/;

function two(number: number): string {
  return String(number).padStart(2, "0");
}

/** Local time to the second, as 2026-11-20 09:30:00. */
function momentText(time: number): string {
  const at = new Date(Math.floor(time) * 1000);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** Seconds since 1970 of a local time; undefined if there is no such time. Without an hour the day begins. */
function readMoment(text: string): number | undefined {
  const found = MOMENT.exec(text);
  if (!found) return undefined;
  const parts = found.slice(1).map((part) => Number(part ?? 0));
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const at = new Date(year, month - 1, day, hour, minute, second);
  return at.getMonth() === month - 1 && at.getDate() === day ? at.getTime() / 1000 : undefined;
}

/** Lowest and highest value of a column that are kept. */
export function RangeField(props: {
  column: ColumnInfo;
  range: Range;
  onChange: (range: Range | null) => void;
}) {
  const { column, range, onChange } = props;
  return (
    <span className="range-chip">
      <Bound
        label={`${column.label}, at least`}
        column={column}
        bound={range[0]}
        onChange={(low) => onChange([low, range[1]])}
      />
      <span>≤ {column.label} ≤</span>
      <Bound
        label={`${column.label}, at most`}
        column={column}
        bound={range[1]}
        onChange={(high) => onChange([range[0], high])}
      />
      {shownAs(column).unit ? <span className="muted">{shownAs(column).unit}</span> : null}
      <Button
        small
        look="quiet"
        icon="close"
        aria-label={`Remove ${column.label}`}
        onClick={() => onChange(null)}
      />
    </span>
  );
}

function Bound(props: {
  label: string;
  column: ColumnInfo;
  bound: number | null;
  onChange: (bound: number | null) => void;
}) {
  const { column, bound } = props;
  const [text, setText] = useState(boundText(column, bound));
  useEffect(() => setText(boundText(column, bound)), [column, bound]);
  const read = readBound(column, text);
  const send = () => {
    if (read === undefined) setText(boundText(column, bound));
    else if (boundText(column, read) !== boundText(column, bound)) props.onChange(read);
  };
  return (
    <input
      className={`input bound number ${column.kind === "time" ? "moment" : ""}`}
      inputMode={column.kind === "time" ? undefined : "decimal"}
      aria-label={props.label}
      aria-invalid={read === undefined}
      placeholder={column.kind === "time" ? "yyyy-mm-dd hh:mm" : "any"}
      value={text}
      onChange={(event) => setText(event.target.value)}
      onBlur={send}
      onKeyDown={(event) => {
        if (event.key === "Enter") send();
      }}
    />
  );
}
