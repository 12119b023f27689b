import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client";
import { keys } from "../api/queries";
import type { SessionView } from "../api/types";
import { type Filter, isEmpty, NO_FILTER } from "../lib/filters";
import { count } from "../lib/format";
import { mayChange } from "../lib/me";
import { useSettings } from "../settings/use-settings";
import { Button } from "../ui/button";
import { Badge, toast, toastError } from "../ui/feedback";
import { fromDefinition, type NamedFilter, saysTheSame, toDefinition } from "./definition";
import { filterFile } from "./filter-file";
import { NameDialog } from "./name-dialog";
import { UploadFilter } from "./upload-filter";

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
          title="Download this filter; it can be uploaded in any session"
          aria-label={`Export filter ${own.name}`}
          onClick={() => download(filterFile(own))}
        />
      ) : null}
      {mayChange(session) ? (
        <>
          <UploadFilter
            taken={saved.map((item) => item.name)}
            onFilter={async (name, definition) => {
              await api.put(`${path}/${encodeURIComponent(name)}`, { definition });
              onChange(fromDefinition(name, definition));
              toast(`Filter ${name} is uploaded and applied`);
              await read();
            }}
          />
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

/** Give a file to the browser. */
function download(file: File): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = file.name;
  link.click();
  URL.revokeObjectURL(link.href);
}
