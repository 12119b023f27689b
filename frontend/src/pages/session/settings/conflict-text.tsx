import { useQueryClient } from "@tanstack/react-query";
import { keys } from "../../../api/queries";
import type { SessionView, SettingInfo, SettingsConflict } from "../../../api/types";
import { clock } from "../../../lib/format";
import { ChangesTable } from "../../../settings/preview-text";
import { useStaged } from "../../../settings/staged";
import { Button } from "../../../ui/button";
import { Note } from "../../../ui/feedback";

/** Two people have changed the settings: both versions, and the choice. */
export function ConflictText(props: {
  session: SessionView;
  conflict: SettingsConflict;
  schema: readonly SettingInfo[];
  onDone: () => void;
}) {
  const { session, conflict, schema } = props;
  const client = useQueryClient();
  const { forget, rebase } = useStaged(session.id);
  const finish = (names: readonly string[]) => {
    forget(names);
    rebase(conflict.newest.revision);
    void client.invalidateQueries({ queryKey: keys.part(session.id, "settings") });
    props.onDone();
  };
  const mine = conflict.newest.changes.filter(({ name }) => conflict.both.includes(name));
  return (
    <>
      <Note tone="warn" live>
        {conflict.newest.saved_by} saved revision {conflict.newest.revision} at{" "}
        {clock(conflict.newest.saved_at)}, after you opened revision {conflict.base_revision}. Nothing of
        yours is lost.
      </Note>
      <h3>What they changed</h3>
      <ChangesTable changes={conflict.newest.changes} schema={schema} />
      {mine.length ? (
        <>
          <h3>What you both changed</h3>
          <ChangesTable
            changes={mine.map(({ name, after }) => ({
              name,
              before: after,
              after: conflict.yours[name] ?? null,
            }))}
            schema={schema}
          />
          <p className="small muted">Before: theirs. After: yours.</p>
        </>
      ) : null}
      <div className="row">
        <Button onClick={() => finish([])}>Keep mine on top of theirs</Button>
        <Button onClick={() => finish(conflict.both)} disabled={!mine.length}>
          Take theirs where both changed
        </Button>
        <Button onClick={() => finish(Object.keys(conflict.yours))}>Take theirs, drop mine</Button>
      </div>
      <p className="small muted">Then save again: the preview is made anew.</p>
    </>
  );
}
