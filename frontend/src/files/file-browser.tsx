import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { api } from "../api/client";
import type { FileEntry, Listing } from "../api/types";
import { ago, bytes } from "../lib/format";
import { serverNow } from "../lib/server-clock";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Empty, ErrorNote, Waiting } from "../ui/feedback";
import { Icon } from "../ui/icon";
import type { FileKind } from "./file-kind";

interface BrowserProps {
  title: string;
  choose: "folder" | "file";
  /** Which files are shown besides folders. */
  shows: FileKind;
  start: string;
  onChoose: (path: string) => void;
  onClose: () => void;
}

/** Choose a file or folder of the server, below the folders it may see. */
export function FileBrowser({ title, choose: wanted, shows, start, onChoose, onClose }: BrowserProps) {
  const [path, setPath] = useState<string | null>(start || null);
  const [chosen, setChosen] = useState<FileEntry | null>(null);
  const [find, setFind] = useState("");
  const listing = useInfiniteQuery({
    queryKey: ["files", path, shows],
    queryFn: ({ pageParam }) => api.get<Listing>("/files", { path, kind: shows, cursor: pageParam }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.cursor,
    staleTime: 5000,
  });
  const here = listing.data?.pages[0];
  const entries = useMemo(() => {
    const all = listing.data?.pages.flatMap((page) => page.entries) ?? [];
    return all.filter(({ name }) => name.toLowerCase().includes(find.toLowerCase()));
  }, [listing.data, find]);
  // What is looked for may be in a part that was not read yet.
  const { fetchNextPage, hasNextPage, isFetching } = listing;
  useEffect(() => {
    if (find && hasNextPage && !isFetching) void fetchNextPage();
  }, [find, hasNextPage, isFetching, fetchNextPage]);
  const open = (next: string | null) => {
    setPath(next);
    setChosen(null);
    setFind("");
  };
  const choose = (entry: FileEntry) => {
    if (entry.path === null) return;
    if (entry.is_folder) open(entry.path);
    else if (wanted === "file") onChoose(entry.path);
  };
  const answer = wanted === "folder" ? (chosen?.path ?? here?.path ?? null) : (chosen?.path ?? null);
  return (
    <Dialog
      wide
      title={title}
      onClose={onClose}
      onSubmit={() => answer && onChoose(answer)}
      foot={
        <>
          <span className="grow truncate mono small" title={answer ?? ""}>
            {answer ?? ""}
          </span>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={!answer}>
            {wanted === "folder" ? "Choose this folder" : "Choose this file"}
          </Button>
        </>
      }
    >
      <div className="row tight">
        <Button
          small
          icon="arrowUp"
          aria-label="Up one folder"
          disabled={!here?.path}
          onClick={() => open(here?.parent ?? null)}
        />
        <Crumbs path={here?.path ?? null} onOpen={open} />
        <input
          className="input find-input"
          type="search"
          aria-label="Find in this folder"
          placeholder="Find in this folder"
          value={find}
          onChange={(event) => setFind(event.target.value)}
        />
      </div>
      <ErrorNote error={listing.error} retry={() => open(null)} />
      <div className="file-list">
        {listing.isPending ? <Waiting /> : null}
        {here && !entries.length ? (
          <Empty
            icon="folder"
            title={
              find
                ? "Nothing of that name here"
                : shows === "folder"
                  ? "No folder in here"
                  : "Nothing to show in here"
            }
          />
        ) : null}
        <ul>
          {entries.map((entry) => (
            <Entry
              key={entry.name}
              entry={entry}
              chosen={entry === chosen}
              onChoose={() => setChosen(entry)}
              onOpen={() => choose(entry)}
              mayChoose={(wanted === "folder") === entry.is_folder}
            />
          ))}
        </ul>
        {here?.more ? (
          <p className="muted">This folder holds more than is looked at; type the path instead.</p>
        ) : null}
        {listing.hasNextPage ? (
          <Button small busy={listing.isFetchingNextPage} onClick={() => void listing.fetchNextPage()}>
            More
          </Button>
        ) : null}
      </div>
    </Dialog>
  );
}

function Entry(props: {
  entry: FileEntry;
  chosen: boolean;
  mayChoose: boolean;
  onChoose: () => void;
  onOpen: () => void;
}) {
  const { entry } = props;
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (props.chosen) button.current?.scrollIntoView({ block: "nearest" });
  }, [props.chosen]);
  return (
    <li>
      <button
        ref={button}
        type="button"
        className="file-entry"
        disabled={entry.path === null || !(entry.is_folder || props.mayChoose)}
        title={entry.path === null ? "Its name can't be used: it is no UTF-8 text" : undefined}
        aria-pressed={props.mayChoose ? props.chosen : undefined}
        onClick={entry.is_folder ? props.onOpen : props.onChoose}
        onDoubleClick={props.onOpen}
      >
        <Icon name={entry.is_folder ? "folder" : "file"} />
        <span className="grow truncate">{entry.name}</span>
        <span className="muted small nowrap">
          {entry.is_folder ? "" : bytes(entry.size_bytes)}{" "}
          {entry.modified_at ? ago(entry.modified_at, serverNow()) : ""}
        </span>
      </button>
    </li>
  );
}

function Crumbs({ path, onOpen }: { path: string | null; onOpen: (path: string | null) => void }) {
  const parts = (path ?? "").split("/").filter(Boolean);
  return (
    <nav className="crumbs grow" aria-label="Folder">
      <button type="button" onClick={() => onOpen(null)}>
        Folders
      </button>
      {parts.map((part, index) => {
        const target = `/${parts.slice(0, index + 1).join("/")}`;
        return (
          <span key={target}>
            /
            <button type="button" onClick={() => onOpen(target)}>
              {part}
            </button>
          </span>
        );
      })}
    </nav>
  );
}
