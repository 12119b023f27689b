import type { SavedSettings, SessionView } from "../../../api/types";
import { clock } from "../../../lib/format";
import { useStaged } from "../../../settings/staged";
import type { Staged } from "../../../settings/values";
import { Button } from "../../../ui/button";
import { Note } from "../../../ui/feedback";

/** Says that somebody else has saved while fields are staged here. */
export function ChangedElsewhere(props: {
  session: SessionView;
  base: number | null;
  newest: SavedSettings;
  staged: Staged;
}) {
  const { session, base, newest, staged } = props;
  const { forget, rebase } = useStaged(session.id);
  if (base === null || base === newest.revision || !Object.keys(staged).length) return null;
  return (
    <Note
      tone="warn"
      live
      action={
        <span className="row tight">
          <Button small onClick={() => rebase(newest.revision)}>
            Keep my changes
          </Button>
          <Button small onClick={() => forget()}>
            Drop them
          </Button>
        </span>
      }
    >
      {newest.saved_by} saved revision {newest.revision} at {clock(newest.saved_at)} while you were changing
      revision {base}. Fields that you did not touch show the new values.
    </Note>
  );
}
