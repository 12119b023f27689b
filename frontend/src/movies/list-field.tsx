import { useEffect, useState } from "react";
import type { ColumnInfo } from "../api/types";
import type { Filter } from "../lib/filters";
import { plural } from "../lib/format";
import { Button } from "../ui/button";

/** Columns of which a filter keeps some values, and where it has them. */
export const LISTS = { grid_square: "squares", foil_hole: "holes", optics_group: "groups" } as const;

export type Listed = keyof typeof LISTS;

const NAMES: Record<Listed, string> = {
  grid_square: "grid square",
  foil_hole: "foil hole",
  optics_group: "optics group",
};

export function isListed(column: string): column is Listed {
  return column in LISTS;
}

/** Values of a column that the filter keeps; empty: any. */
export function listOf(filter: Filter, column: Listed): string[] {
  return filter[LISTS[column]].map(String);
}

/** What was typed, between commas or blanks, as a change of the filter; undefined if it can't be one. */
export function readList(column: Listed, text: string): Partial<Filter> | undefined {
  const values = [...new Set(text.split(/[\s,]+/).filter(Boolean))];
  if (column !== "optics_group") return { [LISTS[column]]: values };
  return values.every((value) => /^\d{1,6}$/.test(value)) ? { groups: values.map(Number) } : undefined;
}

/** Which values of a column are kept, as grid squares. */
export function ListField(props: {
  column: ColumnInfo & { name: Listed };
  filter: Filter;
  onChange: (change: Partial<Filter>) => void;
  onRemove: () => void;
}) {
  const { column, filter, onChange } = props;
  const values = listOf(filter, column.name);
  const told = values.join(", ");
  const [text, setText] = useState(told);
  useEffect(() => setText(told), [told]);
  const read = readList(column.name, text);
  const send = () => {
    if (read === undefined) setText(told);
    else if (listOf({ ...filter, ...read }, column.name).join(", ") !== told) onChange(read);
  };
  const name = NAMES[column.name];
  return (
    <span className="range-chip">
      {column.label}
      <input
        className="input bound listed"
        aria-label={`${column.label}, one of`}
        aria-invalid={read === undefined}
        placeholder="any; several with commas"
        spellCheck={false}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onBlur={send}
        onKeyDown={(event) => {
          if (event.key === "Enter") send();
        }}
      />
      <Button
        small
        look="quiet"
        icon="close"
        aria-label={`Remove ${values.length ? plural(values.length, name) : name}`}
        onClick={props.onRemove}
      />
    </span>
  );
}
