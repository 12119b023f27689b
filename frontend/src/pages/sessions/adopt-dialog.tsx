import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { keys } from "../../api/queries";
import type { Group, SessionView } from "../../api/types";
import { FileField } from "../../files/file-field";
import { navigate } from "../../lib/router";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { ErrorNote } from "../../ui/feedback";
import { SelectField } from "../../ui/field";

export function AdoptDialog({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const groups = useQuery({ queryKey: ["groups"], queryFn: () => api.get<Group[]>("/groups") });
  const [folder, setFolder] = useState("");
  const [group, setGroup] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const adopt = async () => {
    setBusy(true);
    try {
      const made = await api.post<SessionView>("/sessions/adopt", { folder, group: group || null });
      void client.invalidateQueries({ queryKey: keys.sessions });
      onClose();
      navigate(`/sessions/${made.id}/operation`);
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Dialog
      title="Adopt a session folder"
      onClose={onClose}
      onSubmit={() => void adopt()}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy} disabled={!folder}>
            Adopt
          </Button>
        </>
      }
    >
      <p>
        Takes in a session folder that another Frazil server, or the command line, has made. Its movies,
        settings and class history appear here; nothing is computed anew. Tracks stay stopped.
      </p>
      <ErrorNote error={error} />
      <FileField label="Session folder" choose="folder" value={folder} onChange={setFolder} />
      <SelectField
        label="Group"
        value={group}
        choices={[["", "as it says itself"], ...(groups.data ?? []).map(({ name }) => [name, name] as const)]}
        onChange={setGroup}
      />
    </Dialog>
  );
}
