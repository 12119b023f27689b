import { plural } from "../lib/format";
import { Button } from "../ui/button";
import { Note } from "../ui/feedback";
import { useStaged } from "./staged";

/** Says that changes from before the page was loaded anew are on the form again. */
export function RestoredNote({ session, names }: { session: number; names: readonly string[] }) {
  const { staged, restored, acknowledge, forget } = useStaged(session);
  const own = names.filter((name) => staged[name] !== undefined);
  if (!restored || !own.length) return null;
  return (
    <Note
      live
      action={
        <span className="row tight">
          <Button small onClick={acknowledge}>
            Keep {own.length === 1 ? "it" : "them"}
          </Button>
          <Button small onClick={() => forget(own)}>
            Drop {own.length === 1 ? "it" : "them"}
          </Button>
        </span>
      }
    >
      The page was loaded again:{" "}
      {plural(own.length, "change that you had not sent is", "changes that you had not sent are")} still on
      the form.
    </Note>
  );
}
