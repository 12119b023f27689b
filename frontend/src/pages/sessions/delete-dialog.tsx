import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { keys } from "../../api/queries";
import type { DeletePreview, SessionView } from "../../api/types";
import { bytes, count, plural } from "../../lib/format";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { ErrorNote, Note, toast, Waiting } from "../../ui/feedback";
import { CheckField, TextField } from "../../ui/field";
import { TableWrap } from "../../ui/table-wrap";

export function DeleteDialog({ session, onClose }: { session: SessionView; onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [keepRaw, setKeepRaw] = useState(false);
  const [keepExports, setKeepExports] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const preview = useQuery({
    queryKey: keys.part(session.id, "delete-preview"),
    queryFn: () => api.get<DeletePreview>(`/sessions/${session.id}/delete-preview`),
    staleTime: 0,
  });
  const remove = async () => {
    setBusy(true);
    try {
      await api.delete(`/sessions/${session.id}`, { name, keep_raw: keepRaw, keep_exports: keepExports });
      toast(`${session.name} is being deleted`);
      client.removeQueries({ queryKey: keys.session(session.id) });
      void client.invalidateQueries({ queryKey: keys.sessions });
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  const kept = (folder: string) => (folder === "raw" && keepRaw) || (folder === "exports" && keepExports);
  const goes = (preview.data?.entries ?? []).filter((folder) => !kept(folder.name));
  const total = goes.reduce((sum, folder) => sum + folder.bytes, 0);
  return (
    <Dialog
      title={`Delete ${session.name}`}
      onClose={onClose}
      onSubmit={() => name === session.name && void remove()}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            type="submit"
            look="danger primary"
            icon="trash"
            busy={busy}
            disabled={name !== session.name || !preview.data}
          >
            Delete for ever
          </Button>
        </>
      }
    >
      <ErrorNote error={error ?? preview.error} />
      {preview.isPending ? <Waiting what="Counting what would go" /> : null}
      {preview.data ? (
        <>
          <p>
            <b className="number">{bytes(total)}</b> below{" "}
            <code className="breakable">{preview.data.folder}</code> are removed. The folder that the movies
            come from is never touched.
          </p>
          <FolderTable folders={preview.data.entries} kept={kept} />
          {preview.data.only_copies.files && !keepRaw ? (
            <Note tone="bad">
              raw/ holds the only copy of {plural(preview.data.only_copies.files, "movie")} (
              {bytes(preview.data.only_copies.bytes)}), moved here from the microscope. Keep raw/ unless it is
              stored elsewhere.
            </Note>
          ) : null}
          {preview.data.others.length ? (
            <p>Not made by Frazil, so it stays: {preview.data.others.join(", ")}</p>
          ) : null}
          {preview.data.problem ? <Note tone="warn">{preview.data.problem}</Note> : null}
          {preview.data.running.length ? (
            <Note tone="warn">
              Tracks that still run are stopped first: {preview.data.running.join(", ")}.
            </Note>
          ) : null}
        </>
      ) : null}
      <div className="row">
        <CheckField label="Keep raw/" checked={keepRaw} onChange={setKeepRaw} />
        <CheckField label="Keep exports/" checked={keepExports} onChange={setKeepExports} />
      </div>
      <TextField
        label={`Type the session's name to confirm: ${session.name}`}
        value={name}
        onChange={setName}
        autoComplete="off"
        autoFocus
      />
    </Dialog>
  );
}

function FolderTable(props: { folders: DeletePreview["entries"]; kept: (name: string) => boolean }) {
  return (
    <TableWrap label="Folders of the session">
      <table className="table">
        <thead>
          <tr>
            <th>Folder</th>
            <th className="right">Files</th>
            <th className="right">Size</th>
            <th>What happens</th>
          </tr>
        </thead>
        <tbody>
          {props.folders
            .filter(({ files, links }) => files || links)
            .map((folder) => (
              <tr key={folder.name}>
                <td className="mono">{folder.name}</td>
                <td className="right number">{count(folder.files)}</td>
                <td className="right number">{bytes(folder.bytes)}</td>
                <td>{props.kept(folder.name) ? "stays" : "goes"}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </TableWrap>
  );
}
