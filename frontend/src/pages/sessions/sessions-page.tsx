import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { api } from "../../api/client";
import { keys } from "../../api/queries";
import type { Group, SessionView } from "../../api/types";
import { plural } from "../../lib/format";
import { useKeys } from "../../lib/keyboard";
import { allowsSomewhere, useMe } from "../../lib/me";
import { useParam } from "../../lib/router";
import { Button, Segments } from "../../ui/button";
import { Empty, ErrorNote, Waiting } from "../../ui/feedback";
import { Icon } from "../../ui/icon";
import { Link } from "../../ui/link";
import { ServerBar } from "../server/server-bar";
import { AdoptDialog } from "./adopt-dialog";
import { AllAlerts } from "./all-alerts";
import { ArchiveDialog } from "./archive-dialog";
import { CopyDialog } from "./copy-dialog";
import { DeleteDialog } from "./delete-dialog";
import { SessionCard } from "./session-card";
import { ORDERS, type Order, sorted } from "./session-order";
import { SessionTable } from "./session-table";
import { useView, VIEWS } from "./use-view";

type Open = { what: "copy" | "delete" | "archive"; session: SessionView } | { what: "adopt" } | null;

const LIVES = [
  ["", "in use"],
  ["archived", "archived"],
] as const;

export function SessionsPage() {
  const me = useMe();
  const [search, setSearch] = useParam("search");
  const [group, setGroup] = useParam("group");
  const [life, setLife] = useParam("life");
  const [orderText, setOrder] = useParam("order", "newest");
  const order = ORDERS.find(([name]) => name === orderText)?.[0] ?? "newest";
  const [turned, setTurned] = useParam("turned");
  const [view, setView] = useView();
  const [open, setOpen] = useState<Open>(null);
  const searchField = useRef<HTMLInputElement>(null);
  useKeys({ "/": () => searchField.current?.focus() });
  const sessions = useQuery({
    queryKey: [...keys.sessions, { life }],
    queryFn: () => api.get<SessionView[]>("/sessions", { life: life || null }),
    // Who no longer sees a session is not told of its end either.
    refetchInterval: ({ state }) =>
      state.data?.some((session) => session.life === "deleting") ? 2000 : false,
  });
  const groups = useQuery({
    queryKey: ["groups"],
    queryFn: () => api.get<Group[]>("/groups"),
    enabled: me.user_id !== null,
  });
  const shown = useMemo(
    () => sorted(filtered(sessions.data ?? [], search, group), order, turned !== ""),
    [sessions.data, search, group, order, turned],
  );
  const sortBy = (next: Order) => {
    setTurned(next === order && !turned ? "1" : "");
    setOrder(next);
  };
  const actions = (session: SessionView) => ({
    session,
    onCopy: () => setOpen({ what: "copy", session }),
    onDelete: () => setOpen({ what: "delete", session }),
    onArchive: () => setOpen({ what: "archive", session }),
  });
  const none = sessions.data?.length === 0 && !life;
  const mayCreate = me.user_id !== null && allowsSomewhere(me, "operator");
  return (
    <div className="page">
      <div className="row apart">
        <h1>Sessions</h1>
        {mayCreate ? (
          <div className="row tight">
            <Button icon="folder" onClick={() => setOpen({ what: "adopt" })}>
              Adopt a folder
            </Button>
            <Link className="button primary" to="/sessions/new">
              <Icon name="plus" />
              New session
            </Link>
          </div>
        ) : null}
      </div>
      {me.user_id === null ? null : <ServerBar />}
      <AllAlerts sessions={sessions.data ?? []} />
      <search className="row toolbar">
        <input
          ref={searchField}
          className="input search-input"
          type="search"
          aria-label="Search sessions"
          placeholder="Search by name, number, folder, tag"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <Choice
          label="Group"
          value={group}
          choices={[["", "all groups"], ...(groups.data ?? []).map(({ name }) => [name, name] as const)]}
          onChange={setGroup}
        />
        <Choice label="Life" value={life} choices={LIVES} onChange={setLife} />
        <Choice
          label="Order"
          value={order}
          choices={ORDERS}
          onChange={(next) => {
            setOrder(next);
            setTurned("");
          }}
        />
        <Segments label="Sessions as" value={view} choices={VIEWS} onChange={setView} />
        <span className="muted">{sessions.data ? plural(shown.length, "session") : ""}</span>
      </search>
      <ErrorNote error={sessions.error} retry={() => void sessions.refetch()} />
      {sessions.isPending ? <Waiting /> : null}
      {none ? <NoSessions mayCreate={mayCreate} /> : null}
      {sessions.data && !none && !shown.length ? (
        <Empty icon="search" title="No session fits">
          Nothing matches this search and these choices.
        </Empty>
      ) : null}
      {view === "table" && shown.length ? (
        <SessionTable
          sessions={shown}
          order={order}
          turned={turned !== ""}
          onOrder={sortBy}
          actions={actions}
        />
      ) : (
        <div className="cards">
          {shown.map((session) => (
            <SessionCard key={session.id} {...actions(session)} />
          ))}
        </div>
      )}
      {open?.what === "copy" ? <CopyDialog session={open.session} onClose={() => setOpen(null)} /> : null}
      {open?.what === "delete" ? <DeleteDialog session={open.session} onClose={() => setOpen(null)} /> : null}
      {open?.what === "archive" ? (
        <ArchiveDialog session={open.session} onClose={() => setOpen(null)} />
      ) : null}
      {open?.what === "adopt" ? <AdoptDialog onClose={() => setOpen(null)} /> : null}
    </div>
  );
}

function Choice(props: {
  label: string;
  value: string;
  choices: readonly (readonly [string, string])[];
  onChange: (value: string) => void;
}) {
  return (
    <select
      className="input choice"
      aria-label={props.label}
      value={props.value}
      onChange={(event) => props.onChange(event.target.value)}
    >
      {props.choices.map(([value, label]) => (
        <option key={value} value={value}>
          {label}
        </option>
      ))}
    </select>
  );
}

function filtered(all: readonly SessionView[], search: string, group: string): SessionView[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter((session) => {
    const text = [session.label, session.name, session.folder, session.owner, ...session.tags]
      .join(" ")
      .toLowerCase();
    return (!group || session.group === group) && words.every((word) => text.includes(word));
  });
}

function NoSessions({ mayCreate }: { mayCreate: boolean }) {
  return (
    <Empty
      title="No session yet"
      action={
        mayCreate ? (
          <Link className="button primary" to="/sessions/new">
            <Icon name="plus" />
            New session
          </Link>
        ) : null
      }
    >
      A session is one data collection on one grid: where its movies appear, how they are processed, and
      everything that comes out.
      {mayCreate ? "" : " Making one needs the role of an operator in a group: ask an admin."}
    </Empty>
  );
}
