import { useRef, useState } from "react";
import { url } from "../../../api/client";
import type { LogLine, TrackName } from "../../../api/types";
import { fullTime, plural } from "../../../lib/format";
import { useKeys } from "../../../lib/keyboard";
import { useParam } from "../../../lib/router";
import { trackLabel, tracksOf } from "../../../lib/tracks";
import { Button, Segments } from "../../../ui/button";
import { Empty, ErrorNote, Waiting } from "../../../ui/feedback";
import { CheckField } from "../../../ui/field";
import { Icon } from "../../../ui/icon";
import { VirtualList } from "../../../ui/virtual-list";
import type { SessionTabProps } from "../session-page";
import { LEVELS, lineTime } from "./log-line";
import { logWords } from "./log-words";
import { useLog } from "./use-log";

const MOST_LINES = 20_000;

export default function LogsPage({ session }: SessionTabProps) {
  const [trackText, setTrack] = useParam("track", "preprocess");
  const [levelText, setLevel] = useParam("level", "info");
  const [search, setSearch] = useParam("search");
  const [follow, setFollow] = useState(true);
  const [open, setOpen] = useState<LogLine | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const choices = tracksOf(session).map((name) => [name, trackLabel(session, name)] as const);
  // An address may be old, or mistyped.
  const track: TrackName = choices.find(([name]) => name === trackText)?.[0] ?? "preprocess";
  const level = LEVELS.find((name) => name === levelText) ?? "info";
  const label = trackLabel(session, track);
  useKeys({ "/": () => field.current?.focus() });
  const log = useLog({ session: session.id, track, level, search, most: MOST_LINES });
  return (
    <div className="stack logs">
      <search className="row">
        <Segments label="Track" value={track} choices={choices} onChange={setTrack} />
        <select
          className="input choice"
          aria-label="Level"
          value={level}
          onChange={(event) => setLevel(event.target.value)}
        >
          {LEVELS.map((name) => (
            <option key={name} value={name}>
              {name === "error" ? "errors only" : `${name} and above`}
            </option>
          ))}
        </select>
        <input
          ref={field}
          type="search"
          className="input search-input"
          placeholder="Search: a movie, a word"
          aria-label="Search in the log"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <CheckField label="Follow" checked={follow} onChange={setFollow} />
        <span className="muted small nowrap">{plural(log.lines.length, "line")}</span>
        {log.hasEarlier ? (
          <Button small busy={log.loading} onClick={log.loadEarlier}>
            Earlier lines
          </Button>
        ) : null}
        <a className="button small" href={url(`/sessions/${session.id}/logs/${track}/download`)} download>
          <Icon name="download" />
          Download
        </a>
      </search>
      <ErrorNote error={log.error} />
      {log.loading && !log.lines.length ? <Waiting /> : null}
      {!log.loading && !log.lines.length && !log.error ? (
        <Empty
          icon="list"
          title={search || level !== "info" ? "No line fits" : "Nothing has been logged yet"}
        >
          {search || level !== "info"
            ? "Try a lower level or another word."
            : `The log of ${label} begins when the track is started.`}
        </Empty>
      ) : null}
      {log.lines.length ? (
        <div className="panel log-panel">
          <VirtualList
            label={`Log of ${label}`}
            count={log.lines.length}
            rowHeight={24}
            height="max(300px, calc(100dvh - 290px))"
            follow={follow}
            origin={log.start}
            onTop={() => {
              if (log.hasEarlier && !log.loading) log.loadEarlier();
            }}
            renderRow={(index) => {
              const line = log.lines[index];
              return line ? <Line line={line} onOpen={() => setOpen(line === open ? null : line)} /> : null;
            }}
          />
        </div>
      ) : null}
      {open ? (
        <section className="panel" aria-label="Chosen line">
          <div className="row apart">
            <h2>
              {fullTime(lineTime(open))} {open.level}
            </h2>
            <Button small look="quiet" icon="close" aria-label="Close line" onClick={() => setOpen(null)} />
          </div>
          <pre className="log-whole">{JSON.stringify(open, null, 2)}</pre>
        </section>
      ) : null}
    </div>
  );
}

function Line({ line, onOpen }: { line: LogLine; onOpen: () => void }) {
  const [words, more] = logWords(line);
  return (
    <button
      type="button"
      className={`log-line level-${line.level}`}
      onClick={onOpen}
      title="Show the whole line"
    >
      <span className="log-time">{fullTime(lineTime(line)).slice(11)}</span>
      <span className="log-level">{line.level}</span>
      <span className="truncate">
        {[line.movie, line.stage].filter(Boolean).map((word) => (
          <b key={String(word)}>{String(word)} </b>
        ))}
        {words} <span className="muted">{more}</span>
      </span>
    </button>
  );
}
