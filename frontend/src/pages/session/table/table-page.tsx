import { useCallback, useMemo, useState } from "react";
import { isEmpty, useFilter } from "../../../lib/filters";
import { useKeys } from "../../../lib/keyboard";
import { mayChange } from "../../../lib/me";
import { navigate, setParams, useParam } from "../../../lib/router";
import { startHint } from "../../../lib/tracks";
import { toDefinition, whereText } from "../../../movies/definition";
import { FilterBar } from "../../../movies/filter-bar";
import { ShowChoice } from "../../../movies/show-choice";
import { useDecisions } from "../../../movies/use-decisions";
import { HeldPlace, useHeldList } from "../../../movies/use-held-list";
import { useColumns, useMovieList, useShow } from "../../../movies/use-movies";
import { Boundary } from "../../../ui/boundary";
import { Button } from "../../../ui/button";
import { Empty, ErrorNote } from "../../../ui/feedback";
import { ExportDialog } from "../exports/export-dialog";
import { movieAddress } from "../micrographs/address";
import type { SessionTabProps } from "../session-page";
import { ColumnsDialog } from "./columns-dialog";
import { MovieTable } from "./movie-table";
import { SidePanel } from "./side-panel";
import { chosenColumns } from "./table-columns";
import "./table.css";

/** Every movie with all that is known of it. */
export default function TablePage({ session }: SessionTabProps) {
  const [filter, setFilter] = useFilter();
  const [show, setShow] = useShow();
  const [sort, setSort] = useParam("sort", "number");
  const [order, setOrder] = useParam("order", "down");
  const [columnText, setColumnText] = useParam("columns");
  const [selected, setSelected] = useParam("movie");
  const [choosing, setChoosing] = useState(false);
  const [exporting, setExporting] = useState(false);
  const all = useColumns();
  const columns = useMemo(() => chosenColumns(all, columnText), [all, columnText]);
  const where = whereText(filter);
  // What the filter looks at must be known to mark what it rejects.
  const used = useMemo(() => Object.keys(filter.ranges), [filter]);
  const names = useMemo(
    () =>
      columns.length
        ? [...new Set([...columns.map((column) => column.name), "state", "override", ...used])]
        : [],
    [columns, used],
  );
  const found = useMovieList(session.id, {
    columns: names,
    sort,
    descending: order === "down",
    where,
    show,
  });
  const held = useHeldList(found, [sort, order, where, show].join(" "));
  const { list } = held;
  const decisions = useDecisions(session, list, selected, setSelected, show);
  const { place, setPlace } = decisions;
  const move = (step: number) => {
    held.use();
    decisions.move(step);
  };
  const decide = (override: "include" | "exclude") => {
    decisions.decide(override);
    held.release();
  };
  const open = useCallback((name: string) => navigate(movieAddress(session.id, name)), [session.id]);
  const choose = useCallback(
    (name: string, at: number) => {
      setSelected(name);
      setPlace(at);
    },
    [setSelected, setPlace],
  );
  useKeys({
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    PageDown: () => move(20),
    PageUp: () => move(-20),
    Home: () => setPlace(0),
    End: () => setPlace(list.total - 1),
    Enter: () => selected && open(selected),
    Escape: () => setSelected(""),
    c: () => decide("include"),
    x: () => decide("exclude"),
  });
  const sortBy = (name: string) => {
    const next = name === sort ? (order === "down" ? "up" : "down") : "down";
    setParams({ sort: name === "number" ? null : name, order: next === "down" ? null : next });
  };
  return (
    <>
      <FilterBar session={session} filter={filter} onChange={setFilter} />
      <div className="row apart">
        <div className="row tight">
          <ShowChoice value={show} onChange={setShow} />
          <Button small icon="list" onClick={() => setChoosing(true)}>
            Columns ({columns.length} of {all.length})
          </Button>
          {mayChange(session) ? (
            <Button small icon="upload" onClick={() => setExporting(true)}>
              Export…
            </Button>
          ) : null}
          {sort === "number" && order === "down" ? null : (
            <Button
              small
              onClick={() => {
                setSort("number");
                setOrder("down");
              }}
            >
              Newest first
            </Button>
          )}
        </div>
        <p className="small muted keys-line">
          <kbd>↑</kbd> <kbd>↓</kbd> choose · <kbd>c</kbd> include · <kbd>x</kbd> exclude · <kbd>Enter</kbd>{" "}
          open
        </p>
      </div>
      <ErrorNote error={list.error} retry={list.retry} />
      {!list.pending && !list.total ? (
        <Empty icon="list" title={show === "rejected" ? "Nothing is rejected" : "No movie to show"}>
          {session.counts.movies
            ? "The filter leaves none: widen a range, or clear it."
            : `Movies appear here as soon as file transfer finds them.${startHint(session)}`}
        </Empty>
      ) : (
        <div className={selected ? "table-and-side" : ""}>
          <HeldPlace held={held}>
            <MovieTable
              columns={columns}
              list={list}
              sort={sort}
              descending={order === "down"}
              selected={selected}
              place={place}
              filter={show === "all" ? filter : null}
              onSort={sortBy}
              onSelect={choose}
              onOpen={open}
            />
          </HeldPlace>
          {selected ? (
            <Boundary key={selected} what="The side view">
              <SidePanel
                session={session}
                name={selected}
                onDecide={decide}
                onClose={() => setSelected("")}
              />
            </Boundary>
          ) : null}
        </div>
      )}
      {exporting ? (
        <ExportDialog
          session={session}
          where={isEmpty(filter) ? null : toDefinition(filter)}
          onClose={() => setExporting(false)}
          onStarted={() => navigate(`/sessions/${session.id}/exports`)}
        />
      ) : null}
      {choosing ? (
        <ColumnsDialog
          all={all}
          chosen={columns.map((column) => column.name)}
          onChange={(next) => setColumnText(next)}
          onClose={() => setChoosing(false)}
        />
      ) : null}
    </>
  );
}
