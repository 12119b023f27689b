import { url } from "../../../api/client";
import { count, fixed, plural } from "../../../lib/format";
import { useKeys } from "../../../lib/keyboard";
import { Button } from "../../../ui/button";
import { Dialog } from "../../../ui/dialog";
import { Badge } from "../../../ui/feedback";
import { Picture } from "../../../ui/picture";
import { MemberExamples, MemberOrigins } from "./class-members";
import type { ClassInfo } from "./class-order";

interface ClassDialogProps {
  session: number;
  update: number;
  item: ClassInfo;
  total: number;
  /** Place in the order shown, from 0, and how many there are. */
  place: number;
  of: number;
  chosen: boolean;
  mayChoose: boolean;
  onStep: (by: number) => void;
  onToggle: () => void;
  onClose: () => void;
}

/** One class, large; arrow keys go on to its neighbours. */
export function ClassDialog(props: ClassDialogProps) {
  const { item } = props;
  useKeys({ ArrowRight: () => props.onStep(1), ArrowLeft: () => props.onStep(-1) }, { inWindow: true });
  const share = props.total ? (100 * item.particles) / props.total : 0;
  return (
    <Dialog
      wide
      title={`Class ${item.id}`}
      onClose={props.onClose}
      onSubmit={props.onClose}
      foot={
        <>
          <span className="muted grow number">
            {props.place + 1} of {props.of}
          </span>
          <Button icon="arrowLeft" disabled={props.place === 0} onClick={() => props.onStep(-1)}>
            Previous
          </Button>
          <Button icon="arrowRight" disabled={props.place >= props.of - 1} onClick={() => props.onStep(1)}>
            Next
          </Button>
        </>
      }
    >
      <div className="class-full">
        {item.particles ? (
          <Picture
            src={url(`/sessions/${props.session}/classify2d/updates/${props.update}/classes/${item.id}.png`)}
            alt={`Average of class ${item.id}`}
            eager
          />
        ) : (
          <div className="picture no-picture">
            <span className="picture-missing">empty class</span>
          </div>
        )}
        <div className="stack">
          <dl className="keyvalue">
            <dt>Members</dt>
            <dd className="number">
              {plural(item.particles, "particle")} ({fixed(share, 1)}%)
            </dd>
            <dt>Resolution</dt>
            <dd className="number">{item.resolutionA === null ? "–" : `${fixed(item.resolutionA, 1)} Å`}</dd>
            <dt>Quality</dt>
            <dd className="number">{item.quality === null ? "not judged" : fixed(item.quality, 2)}</dd>
            <dt>In update</dt>
            <dd className="number">{count(props.update)}</dd>
          </dl>
          {item.selected === undefined ? null : (
            <p>
              <Badge tone={item.selected ? "good" : "plain"}>
                {item.selected ? "would be kept automatically" : "would not be kept automatically"}
              </Badge>{" "}
              {item.choice === "auto" ? null : (
                <Badge tone={item.kept ? "good" : "warn"}>
                  {item.kept ? "kept by hand" : "rejected by hand"}
                </Badge>
              )}
            </p>
          )}
          {item.reasons.length ? (
            <ul className="reasons">
              {item.reasons.map((reason) => (
                <li key={reason}>{reason}</li>
              ))}
            </ul>
          ) : null}
          {props.mayChoose ? (
            <Button
              icon={props.chosen ? "check" : "plus"}
              aria-pressed={props.chosen}
              onClick={props.onToggle}
            >
              {props.chosen ? "Selected" : "Select"}
            </Button>
          ) : null}
          {item.particles ? (
            <MemberExamples session={props.session} update={props.update} classId={item.id} />
          ) : null}
          <p className="small muted">
            <kbd>←</kbd> <kbd>→</kbd> neighbours · <kbd>Esc</kbd> close
          </p>
        </div>
      </div>
      {item.particles ? (
        <MemberOrigins session={props.session} update={props.update} classId={item.id} />
      ) : null}
    </Dialog>
  );
}
