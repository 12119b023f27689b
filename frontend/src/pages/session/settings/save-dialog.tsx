import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { ChangePreview, SessionView, SettingInfo, SettingsConflict, Values } from "../../../api/types";
import { plural } from "../../../lib/format";
import { useParam } from "../../../lib/router";
import { withLabels } from "../../../settings/labels";
import { ChangesTable, RedoText } from "../../../settings/preview-text";
import { Button } from "../../../ui/button";
import { Dialog } from "../../../ui/dialog";
import { ErrorNote, toast, Waiting } from "../../../ui/feedback";
import { ConflictText } from "./conflict-text";

interface SaveDialogProps {
  session: SessionView;
  schema: readonly SettingInfo[];
  values: Values;
  base: number;
  onClose: () => void;
  onSaved: () => void;
}

/** What saving would lead to, and how far it shall go. */
export function SaveDialog({ session, schema, values, base, onClose, onSaved }: SaveDialogProps) {
  const client = useQueryClient();
  const [filter] = useParam("filter");
  const [busy, setBusy] = useState("");
  const [failure, setFailure] = useState<unknown>(null);
  const path = `/sessions/${session.id}/settings`;
  const preview = useQuery({
    queryKey: keys.part(session.id, "settings-preview", values, base, filter),
    queryFn: () =>
      api.post<ChangePreview>(`${path}/preview`, {
        values,
        base_revision: base,
        ...(filter ? { filter } : {}),
      }),
    staleTime: 0,
    retry: false,
    // Once it is being saved, what it was based on is the past.
    enabled: busy === "",
  });
  const save = async (apply: "new" | "redo" | "redo_kept") => {
    setBusy(apply);
    try {
      await api.put(path, {
        values,
        base_revision: base,
        apply,
        ...(apply === "redo_kept" && filter ? { filter } : {}),
      });
      toast("Settings are saved");
      await client.invalidateQueries({ queryKey: keys.part(session.id, "settings") });
      onSaved();
    } catch (error) {
      setFailure(error);
      setBusy("");
    }
  };
  const error = failure ?? preview.error;
  const conflict = conflictOf(error);
  const found = preview.data;
  const redoes = Boolean(found && (found.movies || found.failed_movies));
  const foot = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      {found && !conflict ? (
        <>
          <Button look={redoes ? "normal" : "primary"} busy={busy === "new"} onClick={() => void save("new")}>
            {redoes ? "Apply to new movies only" : "Save"}
          </Button>
          {redoes && found.kept_movies < found.movies ? (
            <Button busy={busy === "redo_kept"} onClick={() => void save("redo_kept")}>
              Redo the {plural(found.kept_movies, "kept one")}
            </Button>
          ) : null}
          {redoes ? (
            <Button look="primary" busy={busy === "redo"} onClick={() => void save("redo")}>
              Redo all {found.movies || found.failed_movies}
            </Button>
          ) : null}
        </>
      ) : null}
    </>
  );
  return (
    <Dialog title="Save settings" onClose={onClose} foot={foot}>
      {conflict ? (
        <ConflictText session={session} conflict={conflict} schema={schema} onDone={onClose} />
      ) : (
        <ErrorNote error={error} words={(text) => withLabels(text, schema)} />
      )}
      {preview.isPending ? <Waiting what="Looking what would be done again" /> : null}
      {found && !conflict ? (
        <>
          <ChangesTable changes={found.changes} schema={schema} />
          <RedoText preview={found} />
          {found.classification === "none" ? null : <p>{found.classification_text}.</p>}
        </>
      ) : null}
    </Dialog>
  );
}

/** What stands in the way if somebody else saved in between. */
export function conflictOf(error: unknown): SettingsConflict | null {
  if (!(error instanceof ApiError) || error.status !== 409) return null;
  const details = error.body.details as SettingsConflict | undefined;
  return details?.newest ? details : null;
}
