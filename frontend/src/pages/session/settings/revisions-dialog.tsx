import { useQuery } from "@tanstack/react-query";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { Revision, SavedSettings, SessionView, SettingInfo, Values } from "../../../api/types";
import { clock, plural } from "../../../lib/format";
import { ChangesTable } from "../../../settings/preview-text";
import { same, type Typed, typedOf } from "../../../settings/values";
import { Button } from "../../../ui/button";
import { Dialog } from "../../../ui/dialog";
import { ErrorNote, toast, toastError, Waiting } from "../../../ui/feedback";

interface RevisionsDialogProps {
  session: SessionView;
  schema: readonly SettingInfo[];
  current: Values;
  onClose: () => void;
  /** Stage values; null for those who may not. */
  onTake: ((typed: Record<string, Typed>) => void) | null;
}

/** All saved revisions; going back to one stages its values, to be saved as a new one. */
export function RevisionsDialog({ session, schema, current, onClose, onTake }: RevisionsDialogProps) {
  const path = `/sessions/${session.id}/settings/revisions`;
  const revisions = useQuery({
    queryKey: keys.part(session.id, "settings", "revisions"),
    queryFn: () => api.get<Revision[]>(path),
  });
  const take = async (revision: number) => {
    try {
      const earlier = await api.get<SavedSettings>(`${path}/${revision}`);
      const typed: Record<string, Typed> = {};
      for (const info of schema) {
        const value = earlier.values[info.name];
        if (!same(value, current[info.name])) typed[info.name] = typedOf(info, value);
      }
      onTake?.(typed);
      toast(`Revision ${revision} is on the form; save it to go back to it`);
      onClose();
    } catch (error) {
      toastError(error);
    }
  };
  return (
    <Dialog wide title="Earlier revisions" onClose={onClose} foot={<Button onClick={onClose}>Close</Button>}>
      <ErrorNote error={revisions.error} />
      {revisions.isPending ? <Waiting /> : null}
      {(revisions.data ?? []).map((revision, index) => (
        <details key={revision.revision} open={index === 0}>
          <summary>
            <b className="number">Revision {revision.revision}</b>, {revision.saved_by},{" "}
            {clock(revision.saved_at)}: {plural(revision.changes.length, "change")}
          </summary>
          <div className="stack">
            {revision.changes.length ? <ChangesTable changes={revision.changes} schema={schema} /> : null}
            {onTake && index > 0 ? (
              <div>
                <Button small onClick={() => void take(revision.revision)}>
                  Put revision {revision.revision} on the form
                </Button>
              </div>
            ) : null}
          </div>
        </details>
      ))}
    </Dialog>
  );
}
