import { useCallback, useState } from "react";
import { useFilter } from "../../../lib/filters";
import { count, noun } from "../../../lib/format";
import { useKeys } from "../../../lib/keyboard";
import { mayChange } from "../../../lib/me";
import { setParams, useParam } from "../../../lib/router";
import { startHint } from "../../../lib/tracks";
import { whereText } from "../../../movies/definition";
import { FilterBar } from "../../../movies/filter-bar";
import { useShow } from "../../../movies/use-movies";
import { useOverride } from "../../../movies/use-override";
import { Button } from "../../../ui/button";
import { Empty, ErrorNote, Waiting } from "../../../ui/feedback";
import type { SessionTabProps } from "../session-page";
import { MicrographRoom } from "./micrograph-room";
import { useMovie } from "./use-movie";
import { useFound, useNewest, useWalk } from "./use-walk";
import "./micrographs.css";

const STEPS = [
  [-100, "−100"],
  [-10, "−10"],
  [-1, "−1"],
  [1, "+1"],
  [10, "+10"],
  [100, "+100"],
] as const;

/** One movie, as large as the window allows. */
export default function MicrographsPage({ session }: SessionTabProps) {
  const [filter, setFilter] = useFilter();
  const [show] = useShow();
  const [name] = useParam("movie");
  const [live, setLive] = useState(name === "");
  const [filtering, setFiltering] = useState(false);
  const [editing, setEditing] = useState(false);
  const choose = useCallback((next: string) => setParams({ movie: next }), []);
  const walkTo = useCallback(
    (next: string) => {
      setLive(false);
      choose(next);
    },
    [choose],
  );
  const nothing = useNewest(session.id, live, choose);
  const movie = useMovie(session.id, name);
  const walk = useWalk(session.id, name, whereText(filter), show, walkTo);
  const setOverride = useOverride(session.id);
  const decide = (wanted: "include" | "exclude") => {
    if (!name || !mayChange(session)) return;
    void setOverride(name, movie.data?.columns.override === wanted ? "auto" : wanted);
  };
  useKeys({
    ArrowRight: () => walk.step(1),
    ArrowLeft: () => walk.step(-1),
    PageDown: () => walk.step(10),
    PageUp: () => walk.step(-10),
    Home: () => walk.jump(0),
    End: () => walk.jump(-1),
    l: () => setLive((on) => !on),
    e: () => setEditing((on) => mayChange(session) && !on),
    c: () => decide("include"),
    x: () => decide("exclude"),
  });
  if (nothing) {
    return (
      <Empty title="No micrograph yet">
        The first one appears here by itself, a few seconds after its movie was transferred.
        {startHint(session)}
      </Empty>
    );
  }
  return (
    <>
      <nav className="row tight walk" aria-label="Movies">
        <Button small aria-label="First movie" onClick={() => walk.jump(0)}>
          First
        </Button>
        {STEPS.map(([by, label]) => (
          <Button
            key={by}
            small
            aria-label={`${label} ${noun(Math.abs(by), "movie")}`}
            onClick={() => walk.step(by)}
          >
            {label}
          </Button>
        ))}
        <Button small aria-label="Last movie" onClick={() => walk.jump(-1)}>
          Last
        </Button>
        <Button small icon="play" aria-pressed={live} onClick={() => setLive(!live)}>
          Live
        </Button>
        <span className="number nowrap" role="status">
          {walk.place === null
            ? walk.listed
              ? ""
              : "not kept by the filter"
            : `${count(walk.place + 1)} of ${count(walk.total)}`}
        </span>
        <GoTo onName={walk.to} session={session.id} />
        <Button small aria-expanded={filtering} onClick={() => setFiltering(!filtering)}>
          Filter
        </Button>
      </nav>
      {filtering ? <FilterBar session={session} filter={filter} onChange={setFilter} /> : null}
      <ErrorNote error={movie.error} retry={() => void movie.refetch()} />
      {movie.data ? (
        <MicrographRoom
          session={session}
          movie={movie.data}
          onDecide={decide}
          editing={editing}
          onEditing={(on) => {
            // The newest micrograph must not come in between.
            if (on) setLive(false);
            setEditing(on);
          }}
        />
      ) : movie.error ? null : (
        <Waiting />
      )}
    </>
  );
}

/** Find a movie by part of its name. */
function GoTo({ session, onName }: { session: number; onName: (name: string) => void }) {
  const [text, setText] = useState("");
  const found = useFound(session, text);
  return (
    <>
      <input
        type="search"
        className="input find-input"
        list="found-movies"
        placeholder="Go to a movie"
        aria-label="Go to a movie"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          if (found.includes(event.target.value)) onName(event.target.value);
        }}
        onKeyDown={(event) => {
          const [first] = found;
          if (event.key === "Enter" && first) onName(first);
        }}
      />
      <datalist id="found-movies">
        {found.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}
