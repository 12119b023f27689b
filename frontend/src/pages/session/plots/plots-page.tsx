import { useCallback, useMemo, useRef } from "react";
import { type Range, useFilter } from "../../../lib/filters";
import { isNumber, plural } from "../../../lib/format";
import { navigate, useParam } from "../../../lib/router";
import { startHint } from "../../../lib/tracks";
import { FilterBar } from "../../../movies/filter-bar";
import { useColumns } from "../../../movies/use-movies";
import { useSeries } from "../../../movies/use-series";
import { Boundary } from "../../../ui/boundary";
import { Button, Segments } from "../../../ui/button";
import { Empty, ErrorNote, toastError, Waiting } from "../../../ui/feedback";
import { movieAddress } from "../micrographs/address";
import type { SessionTabProps } from "../session-page";
import { GroupsView } from "./groups-view";
import { HoverCard, useHover } from "./hover-card";
import { nameOfPlace } from "./name-of-place";
import { keptOf } from "./points";
import { RatesView } from "./rates-view";
import { ScatterView } from "./scatter-view";
import { SeriesCard } from "./series-card";
import { useAfterPaint } from "./use-after-paint";
import { columnsOf, USUAL } from "./wanted";
import "./plots.css";

const VIEWS = [
  ["series", "Over time"],
  ["scatter", "Scatter"],
  ["groups", "Grid squares"],
  ["rates", "Throughput"],
] as const;

type ViewName = (typeof VIEWS)[number][0];

/** Every number of the session as a plot; a range drawn on one is a filter on all. */
export default function PlotsPage({ session }: SessionTabProps) {
  const [filter, setFilter] = useFilter();
  const [view, setView] = useParam("view", "series");
  const [xAxis, setXAxis] = useParam("x", "number");
  const [more, setMore] = useParam("plots");
  const columns = useColumns();
  const needed = useMemo(() => columnsOf(filter, xAxis), [filter, xAxis]);
  const base = useSeries(session.id, needed);
  const count = base.numbers.length;
  const afterFirst = useAfterPaint(count > 0 && columns.length > 0);
  const kept = useMemo(() => keptOf(filter, base.columns, count), [filter, base.columns, count]);
  const setRange = useCallback(
    (column: string, range: Range) => setFilter({ ranges: { ...filter.ranges, [column]: range } }),
    [filter, setFilter],
  );
  const hover = useHover();
  const asked = useRef(0);
  const open = useCallback(
    (index: number) => {
      // The name comes a moment later: the last click counts, and only while the plots are still looked at.
      const mine = ++asked.current;
      const here = window.location.pathname;
      nameOfPlace(session.id, index)
        .then((name) => {
          if (!name || mine !== asked.current || window.location.pathname !== here) return;
          navigate(movieAddress(session.id, name));
        })
        .catch(toastError);
    },
    [session.id],
  );
  const numeric = columns.filter((column) => column.kind === "number" || column.kind === "integer");
  const usual = USUAL.flatMap((name) => numeric.filter((column) => column.name === name));
  const shown = more === "all" ? numeric : usual;
  const timeColumn = (base.columns.acquired_at ?? []).some(isNumber) ? "acquired_at" : "found_at";
  const x = xAxis === "time" ? (base.columns[timeColumn] ?? []) : base.numbers;
  const shared = { session, filter, kept, setRange, onHover: hover.set, onOpen: open };
  return (
    <>
      <FilterBar session={session} filter={filter} onChange={setFilter} />
      <div className="row tight">
        <Segments label="What to plot" value={view as ViewName} choices={VIEWS} onChange={setView} />
        {view === "series" ? (
          <>
            <Segments
              label="Horizontal axis"
              value={xAxis}
              choices={[
                ["number", "by number"],
                ["time", "by time"],
              ]}
              onChange={setXAxis}
            />
            <Button small onClick={() => setMore(more === "all" ? "" : "all")}>
              {more === "all" ? "The usual ones" : `All ${plural(numeric.length, "quantity", "quantities")}`}
            </Button>
          </>
        ) : null}
        <p className="small muted">
          {view === "rates"
            ? ""
            : view === "groups"
              ? "Click on a name to keep only these micrographs."
              : "Draw a range on a plot to filter by it; click a point to see the micrograph."}
        </p>
      </div>
      <ErrorNote error={base.error} />
      {base.pending ? <Waiting /> : null}
      {!base.pending && !count && !base.error ? (
        <Empty title="Nothing to plot yet">
          Points appear here as soon as the first movies are processed.{startHint(session)}
        </Empty>
      ) : null}
      {count && view === "series" ? (
        <div className="plot-grid">
          {(afterFirst ? shown : shown.slice(0, 1)).map((column) => (
            <Boundary key={column.name} what={column.label}>
              <SeriesCard
                evenIfEmpty={more === "all"}
                column={column}
                x={x}
                xIsTime={xAxis === "time"}
                {...shared}
              />
            </Boundary>
          ))}
        </div>
      ) : null}
      {count && view === "scatter" ? <ScatterView columns={numeric} {...shared} /> : null}
      {count && view === "groups" ? <GroupsView setFilter={setFilter} {...shared} /> : null}
      {view === "rates" ? <RatesView session={session} /> : null}
      <HoverCard session={session.id} hover={hover.value} />
    </>
  );
}
