import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { api, url } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { SessionView, Track } from "../../../api/types";
import { useKeys } from "../../../lib/keyboard";
import { mayChange } from "../../../lib/me";
import { useParam } from "../../../lib/router";
import { Boundary } from "../../../ui/boundary";
import { Button, Segments } from "../../../ui/button";
import { Empty, ErrorNote, Note, Waiting } from "../../../ui/feedback";
import { StateBadge } from "../../../ui/state";
import { ClassifyPanel } from "../operation/classify-panel";
import { doing } from "../operation/track-state";
import type { SessionTabProps } from "../session-page";
import { ClassDialog } from "./class-dialog";
import { ClassGrid } from "./class-grid";
import { ClassNotes } from "./class-notes";
import { classesOf, kept, ORDERS, type Order, sorted, steady } from "./class-order";
import { Curves } from "./curves";
import { HistoryBar } from "./history-bar";
import { JobOutput } from "./job-output";
import { SelectionBar } from "./selection-bar";
import { useHistory } from "./use-history";
import "./classes.css";

const ACTIONS = [
  ["look", "Look"],
  ["choose", "Select"],
] as const;

/** Of a class average, in pixels: large enough to judge it, and two or more side by side on a phone. */
function usualSize(): number {
  return window.innerWidth < 600 ? 120 : 180;
}

/** The class averages, their history, and the jobs that make them. */
export default function ClassesPage({ session }: SessionTabProps) {
  const history = useHistory(session.id);
  const [orderText, setOrder] = useParam("order", "population");
  const [sizeText, setSize] = useParam("size", String(usualSize()));
  const [open, setOpen] = useParam("class");
  const [action, setAction] = useParam("do", "look");
  const [selection, setSelection] = useParam("selection");
  const [again, setAgain] = useState(0);
  const [byHand, setByHand] = useState<ReadonlySet<number> | null>(null);
  const { whole } = history;
  const order = (ORDERS.find(([name]) => name === orderText)?.[0] ?? "population") satisfies Order;
  const size = Math.min(320, Math.max(70, Number(sizeText) || usualSize()));
  const classes = useMemo(() => (whole ? classesOf(whole) : []), [whole]);
  const byId = useMemo(() => new Map(classes.map((item) => [item.id, item])), [classes]);
  const places = useSteadyOrder(classes, order, `${order} ${history.following} ${again}`);
  const chosen = useMemo(() => byHand ?? new Set(kept(classes)), [byHand, classes]);
  const choose = (ids: Iterable<number>) => setByHand(new Set(ids));
  const toggle = (id: number) =>
    choose(chosen.has(id) ? [...chosen].filter((other) => other !== id) : [...chosen, id]);
  const shown = byId.get(Number(open));
  const at = shown ? places.indexOf(shown.id) : -1;
  const step = (by: number) => {
    const next = places[at + by];
    if (next !== undefined) setOpen(String(next));
  };
  useKeys({
    ArrowLeft: () => history.go(history.place - 1),
    ArrowRight: () => history.go(history.place + 1),
  });
  return (
    <div className="classes-room">
      <Boundary what="The jobs of 2D classification">
        <JobsPanel session={session} />
      </Boundary>
      <div className="stack">
        <ErrorNote error={history.error} />
        {history.pending ? <Waiting /> : null}
        {!history.pending && !history.updates.length && !history.error ? (
          <Empty title="No class averages yet">
            They appear here by themselves, once there are enough particles.
            {mayChange(session) ? " Start job now begins 2D classification." : ""}
          </Empty>
        ) : null}
        {history.missing !== null ? (
          <Note tone="warn">
            Update {history.missing} is not in this session's history; it may have been cleared. The newest is
            shown.
          </Note>
        ) : null}
        <HistoryBar history={history} />
        <ClassNotes session={session.id} number={history.shown?.number} />
        {whole ? (
          <>
            <div className="row tight">
              <select
                className="input choice"
                aria-label="Order of classes"
                value={order}
                onChange={(event) => setOrder(event.target.value)}
              >
                {ORDERS.map(([name, label]) => (
                  <option key={name} value={name}>
                    {label}
                  </option>
                ))}
              </select>
              {order !== "number" ? (
                <Button
                  small
                  title="Classes keep their places from one update to the next"
                  onClick={() => setAgain(again + 1)}
                >
                  Sort again
                </Button>
              ) : null}
              <Segments label="What a click does" value={action} choices={ACTIONS} onChange={setAction} />
              <label className="slider">
                Size
                <input
                  type="range"
                  min={70}
                  max={320}
                  step={10}
                  value={size}
                  onChange={(event) => setSize(event.target.value)}
                />
              </label>
            </div>
            {action === "choose" ? (
              <SelectionBar
                session={session}
                update={whole.number}
                classes={classes}
                chosen={chosen}
                name={selection}
                onChoose={choose}
                onName={setSelection}
                onKept={() => setByHand(null)}
                onUpdate={(number) =>
                  history.go(history.updates.findIndex((update) => update.number === number))
                }
              />
            ) : null}
            <ClassGrid
              classes={byId}
              order={places}
              sheet={url(`/sessions/${session.id}/classify2d/updates/${whole.number}/averages.jpg`)}
              held={Math.max(whole.class_count, ...classes.map((item) => item.id))}
              sizePx={size}
              chosen={action === "choose" ? chosen : NONE}
              choosing={action === "choose"}
              onOpen={(id) => setOpen(String(id))}
              onToggle={toggle}
              onBox={(ids) => choose([...chosen, ...ids])}
            />
            <Boundary what="Convergence">
              <Curves updates={history.updates} />
            </Boundary>
          </>
        ) : null}
      </div>
      {shown && whole ? (
        <ClassDialog
          session={session.id}
          update={whole.number}
          item={shown}
          total={classes.reduce((sum, item) => sum + item.particles, 0)}
          place={at}
          of={places.length}
          chosen={chosen.has(shown.id)}
          mayChoose={action === "choose" && mayChange(session)}
          onStep={step}
          onToggle={() => toggle(shown.id)}
          onClose={() => setOpen("")}
        />
      ) : null}
    </div>
  );
}

const NONE: ReadonlySet<number> = new Set();

/** Classes keep their places while updates come, until somebody sorts them anew. */
function useSteadyOrder(
  classes: ReturnType<typeof classesOf>,
  order: Order,
  mark: string,
): readonly number[] {
  const kept = useRef<{ mark: string; places: number[] }>({ mark: "", places: [] });
  return useMemo(() => {
    const fresh = sorted(classes, order);
    const places = kept.current.mark === mark ? steady(kept.current.places, fresh) : fresh;
    kept.current = { mark, places };
    return places;
  }, [classes, order, mark]);
}

/** Settings, buttons and output of the jobs. */
function JobsPanel({ session }: { session: SessionView }) {
  const tracks = useQuery({
    queryKey: keys.part(session.id, "tracks"),
    queryFn: () => api.get<Track[]>(`/sessions/${session.id}/tracks`),
    refetchInterval: 5000,
  });
  const track = tracks.data?.find((item) => item.track === "classify2d");
  return (
    <aside className="stack jobs" aria-label="2D classification">
      {track ? (
        <section className="panel stack">
          <div className="row tight">
            <h2>2D classification</h2>
            <StateBadge state={track.state} />
          </div>
          <p className="small">{doing(track, session.counts)}</p>
          <ClassifyPanel session={session} track={track} />
        </section>
      ) : (
        <Waiting />
      )}
      <JobOutput session={session.id} />
    </aside>
  );
}
