import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client";
import { keys } from "../api/queries";
import type { SessionView } from "../api/types";
import { type Filter, isEmpty, NO_FILTER } from "../lib/filters";
import { count, plural } from "../lib/format";
import { mayChange } from "../lib/me";
import { useAction } from "../lib/use-action";
import { useSettings } from "../settings/use-settings";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Badge, ErrorNote, toast, toastError } from "../ui/feedback";
import { TextField } from "../ui/field";
import { fromDefinition, type NamedFilter, saysTheSame, toDefinition } from "./definition";

interface SavedFiltersProps {
  session: SessionView;
  filter: Filter;
  onChange: (change: Partial<Filter>) => void;
}

const TITLE = { save: "Save filter", rename: "Rename filter", copy: "Copy filter" } as const;

/** Filters under their names: apply, save, rename, copy, export, delete. Without one *Session* holds. */
export function SavedFilters({ session, filter, onChange }: SavedFiltersProps) {
  const [naming, setNaming] = useState<keyof typeof TITLE | null>(null);
  const client = useQueryClient();
  const filters = useQuery({
    queryKey: keys.part(session.id, "filters"),
    queryFn: () => api.get<NamedFilter[]>(`/sessions/${session.id}/filters`),
  });
  const saved = filters.data ?? [];
  const own = saved.find((item) => item.name === filter.name);
  const edited = own && !saysTheSame(filter, fromDefinition(own.name, own.definition));
  const feeds = useSettings(session.id).data?.values.classify_filter === own?.name && own !== undefined;
  const path = `/sessions/${session.id}/filters`;
  const read = () => client.invalidateQueries({ queryKey: keys.part(session.id, "filters") });
  const save = async (name: string) => {
    await api.put(`${path}/${encodeURIComponent(name)}`, { definition: toDefinition(filter) });
    onChange({ name });
    toast(`Filter ${name} is saved`);
    await read();
  };
  const rename = async (name: string) => {
    await api.post(`${path}/${encodeURIComponent(filter.name)}/rename`, { name });
    onChange({ name });
    await read();
  };
  const copy = async (name: string) => {
    if (!own) return;
    await api.put(`${path}/${encodeURIComponent(name)}`, { definition: own.definition });
    onChange(fromDefinition(name, own.definition));
    toast(`${own.name} is copied to ${name}`);
    await read();
  };
  const remove = async () => {
    try {
      await api.delete(`${path}/${encodeURIComponent(filter.name)}`);
      toast(`Filter ${filter.name} is deleted; its ranges stay on the page`);
      onChange({ name: "" });
      await read();
    } catch (error) {
      toastError(error);
    }
  };
  return (
    <div className="row tight">
      <select
        className="input choice"
        aria-label="Saved filter"
        title="Session: no ranges, only what people included and excluded"
        value={own ? own.name : ""}
        onChange={(event) => {
          const chosen = saved.find((item) => item.name === event.target.value);
          onChange(chosen ? fromDefinition(chosen.name, chosen.definition) : NO_FILTER);
        }}
      >
        <option value="">Session</option>
        {saved.map((item) => (
          <option key={item.name} value={item.name}>
            {item.name} ({count(item.kept)})
          </option>
        ))}
      </select>
      {edited ? <Badge tone="warn">edited</Badge> : null}
      {feeds ? (
        <Badge tone="busy">{edited ? "2D input: saving adds and withdraws particles" : "2D input"}</Badge>
      ) : null}
      {own ? (
        <Button
          small
          icon="download"
          title="Download this filter: PUT it to …/filters/NAME of any session"
          aria-label={`Export filter ${own.name}`}
          onClick={() => download(`${own.name}.filter.json`, { definition: own.definition })}
        />
      ) : null}
      {mayChange(session) ? (
        <>
          {own && edited ? (
            <Button small onClick={() => void save(own.name).catch(toastError)}>
              Save changes
            </Button>
          ) : null}
          {isEmpty(filter) ? null : (
            <Button small onClick={() => setNaming("save")}>
              Save as…
            </Button>
          )}
          {own ? (
            <>
              <Button small onClick={() => setNaming("rename")}>
                Rename
              </Button>
              <Button
                small
                icon="copy"
                title="Copy this filter"
                aria-label={`Copy filter ${own.name}`}
                onClick={() => setNaming("copy")}
              />
              <Button
                small
                icon="trash"
                aria-label={`Delete filter ${own.name}`}
                onClick={() => void remove()}
              />
            </>
          ) : null}
        </>
      ) : null}
      {naming ? (
        <NameDialog
          title={naming === "save" ? TITLE.save : `${TITLE[naming]} ${filter.name}`}
          start={naming === "save" ? "" : naming === "copy" ? freeName(filter.name, saved) : filter.name}
          taken={saved.map((item) => item.name)}
          replaces={naming === "save"}
          onClose={() => setNaming(null)}
          onName={naming === "save" ? save : naming === "copy" ? copy : rename}
        />
      ) : null}
    </div>
  );
}

/** "good ones copy", "good ones copy 2": the first that no filter has. */
function freeName(name: string, saved: readonly NamedFilter[]): string {
  const taken = new Set(saved.map((item) => item.name));
  for (let number = 1; ; number++) {
    const free = `${name} copy${number > 1 ? ` ${number}` : ""}`;
    if (!taken.has(free)) return free;
  }
}

/** Give JSON to the browser as a file. */
function download(name: string, content: object): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Asks for a name. */
export function NameDialog(props: {
  title: string;
  start: string;
  taken: readonly string[];
  /** A name that is taken may be used: what had it is replaced. */
  replaces: boolean;
  onName: (name: string) => Promise<void>;
  onClose: () => void;
}) {
  const [name, setName] = useState(props.start);
  const action = useAction();
  const text = name.trim();
  const isTaken = text !== props.start && props.taken.includes(text);
  const wrong = !text || text.includes("/") || (isTaken && !props.replaces);
  const submit = async () => {
    if (!wrong && (await action.run(() => props.onName(text)))) props.onClose();
  };
  return (
    <Dialog
      title={props.title}
      onClose={props.onClose}
      onSubmit={() => void submit()}
      foot={
        <>
          <Button onClick={props.onClose}>Cancel</Button>
          <Button look="primary" type="submit" busy={action.busy} disabled={wrong}>
            {isTaken && props.replaces ? "Replace" : "Save"}
          </Button>
        </>
      }
    >
      <TextField
        label="Name"
        value={name}
        maxLength={100}
        autoFocus
        error={isTaken && !props.replaces ? "This name is taken." : null}
        help={
          isTaken && props.replaces
            ? "What has this name now is replaced."
            : `${plural(props.taken.length, "name")} so far`
        }
        onChange={setName}
      />
      <ErrorNote error={action.error} />
    </Dialog>
  );
}
