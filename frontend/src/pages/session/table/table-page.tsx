import { useMemo, useState } from "react";
import { isEmpty } from "../../../lib/filters";
import { useKeys } from "../../../lib/keyboard";
import { mayChange } from "../../../lib/me";
import { navigate, setParams, useParam } from "../../../lib/router";
import { startHint } from "../../../lib/tracks";
import { toDefinition } from "../../../movies/definition";
import { FilterBar } from "../../../movies/filter-bar";
import { ShowChoice } from "../../../movies/show-choice";
import { HeldPlace } from "../../../movies/use-held-list";
import { useColumns } from "../../../movies/use-movies";
import { Boundary } from "../../../ui/boundary";
import { Button } from "../../../ui/button";
import { Empty, ErrorNote } from "../../../ui/feedback";
import { ExportDialog } from "../exports/export-dialog";
import type { SessionTabProps } from "../session-page";
import { useListing } from "../use-listing";
import { ColumnsDialog } from "./columns-dialog";
import { MovieTable } from "./movie-table";
import { SidePanel } from "./side-panel";
import { chosenColumns } from "./table-columns";
import "./table.css";

/** Every movie with all that is known of it. */
export default function TablePage({ session }: SessionTabProps) {
  const [columnText, setColumnText] = useParam("columns");
  const [choosing, setChoosing] = useState(false);
  const [exporting, setExporting] = useState(false);
  const all = useColumns();
  const columns = useMemo(() => chosenColumns(all, columnText), [all, columnText]);
  const listing = useListing(
    session,
    columns.map((column) => column.name),
  );
  const { filter, show, sort, descending, selected, list, place, setPlace, move, decide, open } = listing;
  useKeys({
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    PageDown: () => move(20),
    PageUp: () => move(-20),
    Home: () => setPlace(0),
    End: () => setPlace(list.total - 1),
    Enter: () => selected && open(selected),
    Escape: () => listing.select(""),
    c: () => decide("include"),
    x: () => decide("exclude"),
  });
  const sortBy = (name: string) => {
    const next = name === sort && descending ? "up" : "down";
    setParams({ sort: name === "number" ? null : name, order: next === "down" ? null : next });
  };
  return (
    <>
      <FilterBar session={session} filter={filter} onChange={listing.setFilter} />
      <div className="row apart">
        <div className="row tight">
          <ShowChoice value={show} onChange={listing.setShow} />
          <Button small icon="list" onClick={() => setChoosing(true)}>
            Columns ({columns.length} of {all.length})
          </Button>
          {mayChange(session) ? (
            <Button small icon="upload" onClick={() => setExporting(true)}>
              Export…
            </Button>
          ) : null}
          {sort === "number" && descending ? null : (
            <Button
              small
              onClick={() => {
                listing.setSort("number");
                listing.setDescending(true);
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
      {!list.pending && !list.total && !list.error ? (
        <Empty icon="list" title={show === "rejected" ? "Nothing is rejected" : "No movie to show"}>
          {session.counts.movies
            ? "The filter leaves none: widen a range, or clear it."
            : `Movies appear here as soon as file transfer finds them.${startHint(session)}`}
        </Empty>
      ) : (
        <div className={selected ? "table-and-side" : ""}>
          <HeldPlace held={listing.held}>
            <MovieTable
              columns={columns}
              list={list}
              sort={sort}
              descending={descending}
              selected={selected}
              place={place}
              filter={show === "all" ? filter : null}
              onSort={sortBy}
              onSelect={listing.choose}
              onOpen={open}
            />
          </HeldPlace>
          {selected ? (
            <Boundary key={selected} what="The side view">
              <SidePanel
                session={session}
                name={selected}
                onDecide={decide}
                onClose={() => listing.select("")}
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
