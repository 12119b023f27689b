import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useRef } from "react";
import type { ColumnInfo, MovieRow } from "../../../api/types";
import { cell, heading } from "../../../lib/columns";
import { type Filter, passes } from "../../../lib/filters";
import type { MovieList } from "../../../movies/use-movies";
import { StateDot } from "../../../ui/state";
import { widthOf } from "./table-columns";

const ROW_PX = 30;

interface MovieTableProps {
  columns: readonly ColumnInfo[];
  list: MovieList;
  sort: string;
  descending: boolean;
  selected: string;
  /** Place that is kept in sight. */
  place: number | null;
  /** Rows that it doesn't keep are marked; null where only one kind is listed. */
  filter: Filter | null;
  onSort: (column: string) => void;
  onSelect: (name: string, place: number) => void;
  onOpen: (name: string) => void;
}

/** Any number of rows, of which only those in sight exist. */
export function MovieTable(props: MovieTableProps) {
  const { columns, list, place } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: list.total,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 10,
  });
  const items = rows.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  const { onRange } = list;
  useEffect(() => onRange(first, last), [onRange, first, last]);
  useEffect(() => {
    if (place !== null) rows.scrollToIndex(place, { align: "auto" });
  }, [place, rows]);
  const template = columns.map((column) => `${widthOf(column)}px`).join(" ");
  const width = columns.reduce((sum, column) => sum + widthOf(column), 0);
  return (
    <section
      ref={scroller}
      className="panel movie-table"
      aria-label="Table of movies"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
    >
      <table aria-rowcount={list.total + 1} style={{ width }}>
        <thead>
          <tr style={{ gridTemplateColumns: template }}>
            {columns.map((column) => (
              <Heading key={column.name} column={column} {...props} />
            ))}
          </tr>
        </thead>
        <tbody style={{ height: rows.getTotalSize() }}>
          {items.map((item) => {
            const row = list.row(item.index);
            return (
              <Row
                key={item.key}
                row={row}
                place={item.index}
                start={item.start}
                columns={columns}
                template={template}
                selected={row !== undefined && row.name === props.selected}
                rejected={row !== undefined && isRejected(row, props.filter)}
                onSelect={props.onSelect}
                onOpen={props.onOpen}
              />
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function isRejected(row: MovieRow, filter: Filter | null): boolean {
  return row.override === "exclude" || (filter !== null && !passes(filter, row));
}

interface RowProps {
  row: MovieRow | undefined;
  place: number;
  start: number;
  columns: readonly ColumnInfo[];
  template: string;
  selected: boolean;
  rejected: boolean;
  onSelect: (name: string, place: number) => void;
  onOpen: (name: string) => void;
}

/** One movie; drawn anew only when something of it changed, so that scrolling is smooth. */
const Row = memo(function Row({ row, place, start, columns, template, ...props }: RowProps) {
  const name = row?.name;
  const words = [
    row ? "" : "row-waiting",
    props.selected ? "is-selected" : "",
    props.rejected ? "is-rejected" : "",
  ];
  return (
    <tr
      aria-rowindex={place + 2}
      aria-selected={props.selected}
      className={words.filter(Boolean).join(" ")}
      style={{ gridTemplateColumns: template, transform: `translateY(${start}px)` }}
      onClick={() => name && props.onSelect(name, place)}
      onDoubleClick={() => name && props.onOpen(name)}
    >
      {columns.map((column) => (
        <Cell key={column.name} column={column} row={row} />
      ))}
    </tr>
  );
});

function Heading(props: MovieTableProps & { column: ColumnInfo }) {
  const { column, sort, descending, onSort } = props;
  const isSort = sort === column.name;
  return (
    <th scope="col" aria-sort={isSort ? (descending ? "descending" : "ascending") : "none"}>
      <button
        type="button"
        className={column.kind === "text" ? "" : "right"}
        title={`Sort by ${heading(column)}`}
        onClick={() => onSort(column.name)}
      >
        <span>{heading(column)}</span>
        {isSort ? <span aria-hidden="true">{descending ? "▾" : "▴"}</span> : null}
      </button>
    </th>
  );
}

function Cell({ column, row }: { column: ColumnInfo; row: MovieRow | undefined }) {
  if (!row) return <td>…</td>;
  const value = (row as Record<string, unknown>)[column.name];
  if (column.name === "state") {
    return (
      <td>
        <StateDot state={String(value)} /> {String(value)}
      </td>
    );
  }
  if (column.name === "override") {
    return <td className={`override-${String(value)}`}>{value === "auto" ? "" : `${String(value)}d`}</td>;
  }
  const text = cell(column, value);
  const isText = column.kind === "text";
  return (
    <td
      className={isText ? "truncate" : "right number"}
      title={isText && text.length > 14 ? text : undefined}
    >
      {text}
    </td>
  );
}
