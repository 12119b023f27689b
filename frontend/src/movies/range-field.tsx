import { useEffect, useState } from "react";
import type { ColumnInfo } from "../api/types";
import { cell, shownAs } from "../lib/columns";
import type { Range } from "../lib/filters";
import { Button } from "../ui/button";

/** A bound as it is typed, in the unit of people; empty: no bound. */
export function boundText(column: ColumnInfo, bound: number | null): string {
  if (bound === null) return "";
  const { scale } = shownAs(column);
  return String(Number((bound * scale).toPrecision(6)));
}

/** What was typed as a bound in the unit of the column; undefined if it is no number. */
export function readBound(column: ColumnInfo, text: string): number | null | undefined {
  const said = text.trim().replace(",", ".");
  if (!said) return null;
  const value = Number(said);
  if (!Number.isFinite(value)) return undefined;
  return Number((value / shownAs(column).scale).toPrecision(9));
}

/** Lowest and highest value of a column that are kept. */
export function RangeField(props: {
  column: ColumnInfo;
  range: Range;
  onChange: (range: Range | null) => void;
}) {
  const { column, range, onChange } = props;
  if (column.kind === "time") {
    return (
      <span className="range-chip">
        {column.label} {cell(column, range[0])} to {cell(column, range[1])}
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
      className="input bound number"
      inputMode="decimal"
      aria-label={props.label}
      aria-invalid={read === undefined}
      placeholder="any"
      value={text}
      onChange={(event) => setText(event.target.value)}
      onBlur={send}
      onKeyDown={(event) => {
        if (event.key === "Enter") send();
      }}
    />
  );
}
