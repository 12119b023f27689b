import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useRef, useState } from "react";
import type { MovieRow } from "../../../api/types";
import { cellWithUnit, heading } from "../../../lib/columns";
import { type Filter, passes } from "../../../lib/filters";
import { useKeys } from "../../../lib/keyboard";
import { useParam } from "../../../lib/router";
import { startHint } from "../../../lib/tracks";
import { FilterBar } from "../../../movies/filter-bar";
import { ShowChoice } from "../../../movies/show-choice";
import { HeldPlace } from "../../../movies/use-held-list";
import { type MovieList, useColumnMap, useColumns } from "../../../movies/use-movies";
import { Button } from "../../../ui/button";
import { Empty, ErrorNote } from "../../../ui/feedback";
import type { SessionTabProps } from "../session-page";
import { useListing, useSort } from "../use-listing";
import { across, CAPTION_PX, GAP_PX } from "./layout";
import { Tile } from "./tile";
import "./gallery.css";

const COLUMNS = ["name", "state", "override", "particles", "ctf_resolution_a", "done_at", "reason"];

/** Thumbnails of any number of movies. */
export default function GalleryPage({ session }: SessionTabProps) {
  const [sizeText, setSize] = useParam("size", usualSize());
  const [sorted] = useSort();
  const [perRow, setPerRow] = useState(1);
  const columns = useColumns();
  const size = Math.min(420, Math.max(90, Number(sizeText) || Number(usualSize())));
  const listing = useListing(session, sorted === "number" ? COLUMNS : [...COLUMNS, sorted]);
  const { filter, show, sort, descending, selected, list, place, setPlace, move, decide, open } = listing;
  useKeys({
    ArrowRight: () => move(1),
    ArrowLeft: () => move(-1),
    ArrowDown: () => move(perRow),
    ArrowUp: () => move(-perRow),
    Home: () => setPlace(0),
    End: () => setPlace(list.total - 1),
    Enter: () => selected && open(selected),
    c: () => decide("include"),
    x: () => decide("exclude"),
  });
  const sortable = columns.filter((column) => column.kind !== "text" || column.name === "name");
  return (
    <>
      <FilterBar session={session} filter={filter} onChange={listing.setFilter} />
      <div className="row tight">
        <ShowChoice value={show} onChange={listing.setShow} />
        <select
          className="input choice"
          aria-label="Order"
          value={sort}
          onChange={(event) => listing.setSort(event.target.value)}
        >
          <option value="number">by time of arrival</option>
          {sortable.map((column) => (
            <option key={column.name} value={column.name}>
              by {heading(column)}
            </option>
          ))}
        </select>
        <Button small onClick={() => listing.setDescending(!descending)}>
          {orderWords(sort, descending)}
        </Button>
        <label className="slider">
          Size
          <input
            type="range"
            min={90}
            max={420}
            step={10}
            value={size}
            onChange={(event) => setSize(event.target.value)}
          />
        </label>
      </div>
      <ErrorNote error={list.error} retry={list.retry} />
      {!list.pending && !list.total && !list.error ? (
        <Empty title={show === "rejected" ? "Nothing is rejected" : "No micrograph to show"}>
          {session.counts.movies
            ? "The filter leaves none: widen a range, or clear it."
            : `Micrographs appear here a few seconds after their movies were transferred.${startHint(session)}`}
        </Empty>
      ) : (
        <HeldPlace held={listing.held}>
          <Grid
            session={session.id}
            list={list}
            size={size}
            place={place}
            selected={selected}
            filter={show === "all" ? filter : null}
            sort={sort}
            onPerRow={setPerRow}
            onSelect={listing.choose}
            onOpen={open}
          />
        </HeldPlace>
      )}
    </>
  );
}

/** Two side by side on a phone. */
function usualSize(): string {
  return window.innerWidth < 600 ? "160" : "190";
}

function orderWords(sort: string, descending: boolean): string {
  if (sort === "number") return descending ? "newest first" : "oldest first";
  return descending ? "largest first" : "smallest first";
}

interface GridProps {
  session: number;
  list: MovieList;
  size: number;
  place: number | null;
  selected: string;
  filter: Filter | null;
  sort: string;
  onPerRow: (count: number) => void;
  onSelect: (name: string, place: number) => void;
  onOpen: (name: string) => void;
}

function Grid(props: GridProps) {
  const { list, size, place, onPerRow } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const columns = useColumnMap();
  const { count, tile } = across(width, size);
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const watcher = new ResizeObserver(() => setWidth(element.clientWidth));
    watcher.observe(element);
    setWidth(element.clientWidth);
    return () => watcher.disconnect();
  }, []);
  useEffect(() => onPerRow(count), [onPerRow, count]);
  const height = tile + CAPTION_PX + GAP_PX;
  const rows = useVirtualizer({
    count: Math.ceil(list.total / count),
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 2,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows are measured anew when their height changes
  useEffect(() => rows.measure(), [rows, height]);
  const items = rows.getVirtualItems();
  const first = (items[0]?.index ?? 0) * count;
  const last = Math.min(list.total, ((items.at(-1)?.index ?? 0) + 1) * count) - 1;
  const { onRange } = list;
  useEffect(() => onRange(first, Math.max(first, last)), [onRange, first, last]);
  useEffect(() => {
    if (place !== null) rows.scrollToIndex(Math.floor(place / count), { align: "auto" });
  }, [place, rows, count]);
  const column = columns.get(props.sort);
  const caption = useCallback(
    (row: MovieRow) => {
      const name = column?.name ?? "";
      if (!column || COLUMNS.includes(name)) return "";
      return cellWithUnit(column, (row as Record<string, unknown>)[name]);
    },
    [column],
  );
  return (
    <section
      ref={scroller}
      className="gallery"
      aria-label="Gallery of micrographs"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
    >
      <ul style={{ height: rows.getTotalSize() }}>
        {items.flatMap((item) =>
          Array.from({ length: Math.min(count, list.total - item.index * count) }, (_, column) => {
            const at = item.index * count + column;
            const row = list.row(at);
            return (
              <li
                key={at}
                style={{
                  width: tile,
                  height: height - GAP_PX,
                  transform: `translate(${column * (tile + GAP_PX)}px, ${item.start}px)`,
                }}
              >
                <Tile
                  session={props.session}
                  row={row}
                  large={tile > 230}
                  extra={row ? caption(row) : ""}
                  selected={Boolean(row) && row?.name === props.selected}
                  rejected={isRejected(row, props.filter)}
                  place={at}
                  onSelect={props.onSelect}
                  onOpen={props.onOpen}
                />
              </li>
            );
          }),
        )}
      </ul>
    </section>
  );
}

function isRejected(row: MovieRow | undefined, filter: Filter | null): boolean {
  if (!row) return false;
  return row.override === "exclude" || Boolean(filter && !passes(filter, row));
}
