import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { components } from "../../../api/schema";
import type { SessionView } from "../../../api/types";
import { bytes, count, plural } from "../../../lib/format";
import { useAction } from "../../../lib/use-action";
import type { NamedFilter } from "../../../movies/definition";
import { Button } from "../../../ui/button";
import { Dialog } from "../../../ui/dialog";
import { ErrorNote, Note, toast, Waiting } from "../../../ui/feedback";
import { CheckField, SelectField } from "../../../ui/field";

type Preview = components["schemas"]["RawCleanupPreview"];

/** Remove the raw files of rejected movies: the list first, then exactly this list. */
export function CleanRawDialog({ session, onClose }: { session: SessionView; onClose: () => void }) {
  const client = useQueryClient();
  const action = useAction();
  const [which, setWhich] = useState("failed");
  const [onlyCopies, setOnlyCopies] = useState(false);
  const path = `/sessions/${session.id}/raw-cleanup`;
  const rule = which.startsWith("=")
    ? { kind: "filter", filter_name: which.slice(1), only_copies: onlyCopies }
    : { kind: which, only_copies: onlyCopies };
  const filters = useQuery({
    queryKey: keys.part(session.id, "filters"),
    queryFn: () => api.get<NamedFilter[]>(`/sessions/${session.id}/filters`),
  });
  const preview = useQuery({
    queryKey: keys.part(session.id, "raw-cleanup", rule),
    queryFn: () => api.post<Preview>(`${path}/preview`, rule),
    staleTime: 0,
  });
  const clean = async () => {
    const token = preview.data?.token;
    if (!(await action.run(() => api.post(path, { ...rule, token })))) return void preview.refetch();
    toast(`Raw files of ${session.name} are being removed`);
    void client.invalidateQueries({ queryKey: keys.session(session.id) });
    onClose();
  };
  const files = preview.data?.files ?? 0;
  return (
    <Dialog
      title="Remove raw files of rejected movies"
      onClose={onClose}
      onSubmit={() => files > 0 && void clean()}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="danger primary" icon="trash" busy={action.busy} disabled={!files}>
            Remove {plural(files, "file")}
          </Button>
        </>
      }
    >
      <div className="stack">
        <SelectField
          label="Raw files of"
          value={which}
          choices={[
            ["failed", "movies that failed or are ignored"],
            ["excluded", "movies excluded by hand"],
            ...(filters.data ?? []).map(
              ({ name }) => [`=${name}`, `processed movies that the filter ${name} rejects`] as const,
            ),
          ]}
          onChange={setWhich}
        />
        <CheckField
          label="Also files of which there is no other copy"
          checked={onlyCopies}
          onChange={setOnlyCopies}
        />
        {preview.isPending ? <Waiting what="Listing what would go" /> : null}
        {preview.data ? <Listing preview={preview.data} /> : null}
        <ErrorNote error={action.error ?? preview.error} />
      </div>
    </Dialog>
  );
}

function Listing({ preview }: { preview: Preview }) {
  return (
    <>
      <p>
        <b className="number">{bytes(preview.bytes)}</b> in {plural(preview.files, "file")} of{" "}
        {plural(preview.movies, "movie")}. Results stay, and what links lead to is never touched.
      </p>
      {preview.only_copies.files ? (
        <Note tone="bad">
          {count(preview.only_copies.files)} of them are the only copy ({bytes(preview.only_copies.bytes)}).
        </Note>
      ) : null}
      {preview.kept_only_copies.files ? (
        <Note>
          {plural(preview.kept_only_copies.files, "file")} ({bytes(preview.kept_only_copies.bytes)}) of
          rejected movies stay: there is no other copy.
        </Note>
      ) : null}
      {preview.notes.map((note) => (
        <Note key={note} tone="warn">
          {note}.
        </Note>
      ))}
      {preview.listed.length ? (
        <details>
          <summary>List{preview.files > preview.listed.length ? " (the first thousand)" : ""}</summary>
          <ul className="mono small">
            {preview.listed.map((file) => (
              <li key={file.path} className="breakable">
                {file.path} {file.mode === "link" ? "(link)" : bytes(file.bytes)}
              </li>
            ))}
          </ul>
        </details>
      ) : null}
    </>
  );
}
