import { useQueryClient } from "@tanstack/react-query";
import { api } from "../../api/client";
import { keys } from "../../api/queries";
import type { SessionView } from "../../api/types";
import { allows } from "../../lib/me";
import { Button } from "../../ui/button";
import { Badge, toast, toastError } from "../../ui/feedback";

export interface SessionActionsProps {
  session: SessionView;
  onCopy: () => void;
  onDelete: () => void;
  onArchive: () => void;
}

/** What can be done with a session as a whole, as far as one may. */
export function SessionActions({ session, onCopy, onDelete, onArchive }: SessionActionsProps) {
  const owns = allows(session.role, "owner");
  return (
    <div className="card-actions">
      <Button
        small
        look="quiet"
        icon="copy"
        title="Copy settings"
        aria-label={`Copy settings of ${session.name}`}
        onClick={onCopy}
      />
      {owns ? <Unarchive session={session} /> : null}
      {owns ? (
        <Button
          small
          look="quiet"
          icon="archive"
          title="Archive or move"
          aria-label={`Archive or move ${session.name}`}
          onClick={onArchive}
        />
      ) : null}
      {owns ? (
        <Button
          small
          look="quiet"
          icon="trash"
          title="Delete"
          aria-label={`Delete ${session.name}`}
          onClick={onDelete}
        />
      ) : null}
    </div>
  );
}

/** What a session is besides in use. */
export function LifeBadge({ session }: { session: SessionView }) {
  if (session.life === "archived") return <Badge>archived</Badge>;
  if (session.life === "deleting") return <Badge tone="warn">being deleted</Badge>;
  return null;
}

/** Lets an archived session be worked with again. */
function Unarchive({ session }: { session: SessionView }) {
  const client = useQueryClient();
  if (session.life !== "archived") return null;
  const unarchive = async () => {
    try {
      await api.post(`/sessions/${session.id}/unarchive`);
      toast(`${session.name} can be worked with again`);
      void client.invalidateQueries({ queryKey: keys.sessions });
    } catch (failure) {
      toastError(failure);
    }
  };
  return (
    <Button small look="quiet" onClick={() => void unarchive()} aria-label={`Unarchive ${session.name}`}>
      Unarchive
    </Button>
  );
}
