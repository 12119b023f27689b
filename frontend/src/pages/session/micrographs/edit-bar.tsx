import type { Movie } from "../../../api/types";
import { plural } from "../../../lib/format";
import { useKeys } from "../../../lib/keyboard";
import { Button } from "../../../ui/button";
import { Badge, ErrorNote } from "../../../ui/feedback";
import { Link } from "../../../ui/link";
import { movieAddress } from "./address";
import type { Edits } from "./use-edits";
import type { Picks } from "./use-movie";

/** While particles are changed by hand: what was changed, undo, save. */
export function EditBar(props: { session: number; movie: Movie; picks: Picks; edits: Edits }) {
  const { picks, edits } = props;
  const added = edits.edits.filter(({ adds }) => adds).length;
  const removed = edits.edits.length - added;
  const unsaved = edits.edits.length > 0;
  useKeys({ z: edits.undo });
  return (
    <section className="edit-bar stack" aria-label="Particles by hand">
      <div className="row tight">
        <span className="grow">
          {unsaved ? (
            <>
              <b>
                {[added ? `${added} added` : "", removed ? `${removed} removed` : ""]
                  .filter(Boolean)
                  .join(", ")}
              </b>
              , not saved yet
            </>
          ) : (
            "Click on a particle to remove it, anywhere else to add one. Drag to move, wheel to zoom."
          )}
        </span>
        <Button small disabled={!unsaved || edits.busy} onClick={edits.undo}>
          Undo <kbd>z</kbd>
        </Button>
        <Button small disabled={!unsaved || edits.busy} onClick={edits.forget}>
          Forget these
        </Button>
        <Button
          small
          look="primary"
          busy={edits.busy}
          disabled={!unsaved || !edits.manual}
          onClick={() => void edits.save(picks)}
        >
          Save particles
        </Button>
      </div>
      <ErrorNote error={edits.error} />
      {edits.error && unsaved ? (
        <p className="muted small">
          What is there now was read again; your {plural(edits.edits.length, "change is", "changes are")} kept
          on top of it. Look at the particles, then save again.
        </p>
      ) : null}
      {edits.elsewhere.length ? (
        <p className="small">
          Also not saved:{" "}
          {edits.elsewhere.slice(0, 5).map((name, index) => (
            <span key={name}>
              {index ? ", " : ""}
              <Link to={movieAddress(props.session, name)}>{name}</Link>
            </span>
          ))}
          {edits.elsewhere.length > 5 ? ` and ${edits.elsewhere.length - 5} more` : ""}
        </p>
      ) : null}
    </section>
  );
}

/** What was changed by hand and saved. */
export function ByHand({ edits }: { edits: Edits }) {
  const { manual } = edits;
  if (!manual || (!manual.added.length && !manual.removed_at.length)) return null;
  return (
    <Badge tone={manual.pending ? "busy" : "plain"}>
      {manual.added.length} added, {manual.removed_at.length} removed by hand
      {manual.pending ? "; extracted again soon" : ""}
    </Badge>
  );
}
