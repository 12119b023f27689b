import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { keys } from "../../api/queries";
import type { SessionView } from "../../api/types";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { ErrorNote, toast } from "../../ui/feedback";

export function ArchiveDialog({ session, onClose }: { session: SessionView; onClose: () => void }) {
  const client = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const archive = async () => {
    setBusy(true);
    try {
      await api.post(`/sessions/${session.id}/archive`);
      toast(`${session.name} is archived`);
      void client.invalidateQueries({ queryKey: keys.sessions });
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={`Archive ${session.name}`}
      onClose={onClose}
      onSubmit={() => void archive()}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" icon="archive" busy={busy}>
            Archive
          </Button>
        </>
      }
    >
      <p>
        The session becomes read-only: no track can start, settings can't be changed. Everything can still be
        looked at, downloaded and copied. All tracks must be stopped. No file is removed.
      </p>
      <ErrorNote error={error} />
    </Dialog>
  );
}
