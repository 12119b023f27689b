import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { api } from "../api/client";
import { keys } from "../api/queries";
import type { ColumnInfo, SessionView } from "../api/types";
import { shownAs } from "../lib/columns";
import { type Filter, isEmpty, NO_FILTER, type Range } from "../lib/filters";
import { count, plural } from "../lib/format";
import { useKeys } from "../lib/keyboard";
import { mayChange } from "../lib/me";
import { Button } from "../ui/button";
import { toast, toastError } from "../ui/feedback";
import { CheckField } from "../ui/field";
import { whereText } from "./definition";
import { isListed, LISTS, type Listed, ListField, listOf } from "./list-field";
import { RangeField } from "./range-field";
import { SavedFilters } from "./saved-filters";
import { useColumns, useKept } from "./use-movies";
import "./movies.css";

export const STATES = [
  "done",
  "outdated",
  "failed",
  "ignored",
  "queued",
  "processing",
  "transferring",
  "waiting",
  "settling",
];

interface FilterBarProps {
  session: SessionView;
  filter: Filter;
  onChange: (change: Partial<Filter>) => void;
}

/** The filter that holds on all data pages, what it keeps, and the filters that were saved. */
export function FilterBar({ session, filter, onChange }: FilterBarProps) {
  const columns = useColumns();
  const search = useRef<HTMLInputElement>(null);
  // Conditions without a value yet: they say nothing, so the address doesn't know them.
  const [open, setOpen] = useState<readonly string[]>([]);
  useKeys({ "/": () => search.current?.focus() });
  const byName = new Map(columns.map((column) => [column.name, column]));
  const setRange = (column: string, range: Range | null) => {
    const { [column]: _, ...rest } = filter.ranges;
    if (!range) setOpen((old) => old.filter((name) => name !== column));
    onChange({ ranges: range ? { ...rest, [column]: range } : rest });
  };
  const lists = columns.filter(
    (column): column is ColumnInfo & { name: Listed } =>
      isListed(column.name) && (open.includes(column.name) || listOf(filter, column.name).length > 0),
  );
  const opened = open.filter((name) => !isListed(name));
  const ranges = [...new Set([...Object.keys(filter.ranges), ...opened])];
  return (
    <search className="filter-bar" aria-label="Filter">
      <div className="row tight">
        <KeptCount session={session} filter={filter} />
        <input
          ref={search}
          type="search"
          className="input find-input"
          placeholder="Search a name ( / )"
          aria-label="Search a name or path"
          value={filter.text}
          onChange={(event) => onChange({ text: event.target.value })}
        />
        <select
          className="input choice"
          aria-label="State"
          value={filter.states[0] ?? ""}
          onChange={(event) => onChange({ states: event.target.value ? [event.target.value] : [] })}
        >
          <option value="">any state</option>
          {STATES.map((state) => (
            <option key={state}>{state}</option>
          ))}
        </select>
        <AddCondition columns={columns} filter={filter} onAdd={(name) => setOpen((old) => [...old, name])} />
        <SavedFilters session={session} filter={filter} onChange={onChange} />
        {isEmpty(filter) ? null : (
          <Button small icon="close" onClick={() => onChange(NO_FILTER)}>
            Clear filter
          </Button>
        )}
      </div>
      {isEmpty(filter) && !open.length ? null : (
        <div className="row tight">
          {ranges.map((name) => {
            const column = byName.get(name);
            const range = filter.ranges[name] ?? [null, null];
            return column ? (
              <RangeField
                key={name}
                column={column}
                range={range}
                onChange={(next) => setRange(name, next)}
              />
            ) : null;
          })}
          {lists.map((column) => (
            <ListField
              key={column.name}
              column={column}
              filter={filter}
              onChange={onChange}
              onRemove={() => {
                setOpen((old) => old.filter((name) => name !== column.name));
                onChange({ [LISTS[column.name]]: [] });
              }}
            />
          ))}
          <CheckField
            label="the others"
            checked={filter.negate}
            onChange={(negate) => onChange({ negate })}
          />
          {Object.keys(filter.ranges).length ? (
            <CheckField
              label="keep missing values"
              checked={filter.keepMissing}
              onChange={(keepMissing) => onChange({ keepMissing })}
            />
          ) : null}
        </div>
      )}
    </search>
  );
}

/** "1,032 of 1,187 kept", and what people decided by hand. */
function KeptCount({ session, filter }: { session: SessionView; filter: Filter }) {
  const kept = useKept(session.id, whereText(filter));
  const client = useQueryClient();
  const forget = async () => {
    try {
      const { movies } = await api.post<{ movies: number }>(`/sessions/${session.id}/movies/reset-overrides`);
      toast(`${plural(movies, "decision")} by hand forgotten`);
      await client.invalidateQueries({ queryKey: keys.session(session.id) });
    } catch (error) {
      toastError(error);
    }
  };
  if (!kept) return <span className="kept-count muted">…</span>;
  const byHand = [
    kept.included ? `${count(kept.included)} included` : "",
    kept.excluded ? `${count(kept.excluded)} excluded` : "",
  ].filter(Boolean);
  return (
    <span className="kept-count" role="status">
      <b className="number">{count(kept.kept)}</b> of {count(kept.total)} kept
      {byHand.length ? <span className="muted small"> · {byHand.join(", ")} by hand</span> : null}
      {byHand.length && mayChange(session) ? (
        <Button small look="quiet" onClick={() => void forget()}>
          Forget these
        </Button>
      ) : null}
    </span>
  );
}

function AddCondition(props: {
  columns: readonly ColumnInfo[];
  filter: Filter;
  onAdd: (column: string) => void;
}) {
  const left = props.columns.filter((column) =>
    isListed(column.name)
      ? !listOf(props.filter, column.name).length
      : column.kind !== "text" && !(column.name in props.filter.ranges),
  );
  const groups = [...new Set(left.map((column) => column.group))];
  return (
    <select
      className="input choice"
      aria-label="Add a condition"
      value=""
      onChange={(event) => props.onAdd(event.target.value)}
    >
      <option value="">Add a condition…</option>
      {groups.map((group) => (
        <optgroup key={group} label={group}>
          {left
            .filter((column) => column.group === group)
            .map((column) => (
              <option key={column.name} value={column.name}>
                {column.label}
                {shownAs(column).unit ? ` (${shownAs(column).unit})` : ""}
              </option>
            ))}
        </optgroup>
      ))}
    </select>
  );
}
