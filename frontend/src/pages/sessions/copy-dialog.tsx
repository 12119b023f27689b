import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { keys } from "../../api/queries";
import type { SessionView } from "../../api/types";
import { navigate } from "../../lib/router";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { ErrorNote, toast } from "../../ui/feedback";
import { TextField } from "../../ui/field";

export function CopyDialog({ session, onClose }: { session: SessionView; onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState(`${session.name} copy`);
  const [folder, setFolder] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const copy = async () => {
    setBusy(true);
    try {
      const made = await api.post<SessionView & { warnings?: string[] }>(`/sessions/${session.id}/copy`, {
        name,
        folder: folder || null,
      });
      for (const warning of made.warnings ?? []) toast(warning, "warn");
      void client.invalidateQueries({ queryKey: keys.sessions });
      onClose();
      navigate(`/sessions/${made.id}/settings`);
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={`Copy settings of ${session.name}`}
      onClose={onClose}
      onSubmit={() => void copy()}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy} disabled={!name.trim()}>
            Make the copy
          </Button>
        </>
      }
    >
      <p>
        The new session takes the newest settings, the ranges of the filters and the rules of notifications.
        Data, selections and include/exclude marks stay here. It opens on its settings, for you to point it to
        its own movies.
      </p>
      <ErrorNote error={error} />
      <TextField label="Name" value={name} onChange={setName} maxLength={100} autoFocus />
      <TextField
        label="Folder"
        value={folder}
        onChange={setFolder}
        placeholder="chosen by the server"
        help="Empty or new, on the server. Leave it out and the server makes one."
      />
    </Dialog>
  );
}
