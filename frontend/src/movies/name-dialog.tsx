import { useState } from "react";
import { plural } from "../lib/format";
import { useAction } from "../lib/use-action";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { ErrorNote } from "../ui/feedback";
import { TextField } from "../ui/field";

/** Asks for a name. */
export function NameDialog(props: {
  title: string;
  start: string;
  taken: readonly string[];
  /** A name that is taken may be used: what had it is replaced. */
  replaces: boolean;
  onName: (name: string) => Promise<void>;
  onClose: () => void;
}) {
  const [name, setName] = useState(props.start);
  const action = useAction();
  const text = name.trim();
  const isTaken = props.taken.includes(text) && (props.replaces || text !== props.start);
  const wrong = !text || text.includes("/") || (isTaken && !props.replaces);
  const submit = async () => {
    if (!wrong && (await action.run(() => props.onName(text)))) props.onClose();
  };
  return (
    <Dialog
      title={props.title}
      onClose={props.onClose}
      onSubmit={() => void submit()}
      foot={
        <>
          <Button onClick={props.onClose}>Cancel</Button>
          <Button look="primary" type="submit" busy={action.busy} disabled={wrong}>
            {isTaken && props.replaces ? "Replace" : "Save"}
          </Button>
        </>
      }
    >
      <TextField
        label="Name"
        value={name}
        maxLength={100}
        autoFocus
        error={isTaken && !props.replaces ? "This name is taken." : null}
        help={
          isTaken && props.replaces
            ? "What has this name now is replaced."
            : `${plural(props.taken.length, "name")} so far`
        }
        onChange={setName}
      />
      <ErrorNote error={action.error} />
    </Dialog>
  );
}
