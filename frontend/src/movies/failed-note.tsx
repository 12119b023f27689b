import { useQueryClient } from "@tanstack/react-query";
import { api } from "../api/client";
import { keys } from "../api/queries";
import type { SessionView } from "../api/types";
import { mayChange } from "../lib/me";
import { useAction } from "../lib/use-action";
import { Button } from "../ui/button";
import { ErrorNote, Note, toast } from "../ui/feedback";

/** Why a movie failed, and what can be done about it. */
export function FailedNote(props: { session: SessionView; name: string; failed: boolean; reason: string }) {
  const { session, name } = props;
  const client = useQueryClient();
  const { busy, error, run } = useAction();
  const send = async (action: "retry" | "ignore", said: string) => {
    if (!(await run(() => api.post(`/sessions/${session.id}/movies/${name}/${action}`)))) return;
    toast(said);
    for (const part of ["movies", "movie"]) {
      void client.invalidateQueries({ queryKey: keys.part(session.id, part) });
    }
  };
  return (
    <Note
      tone="bad"
      action={
        props.failed && mayChange(session) ? (
          <span className="row tight">
            <Button
              small
              icon="restart"
              busy={busy}
              onClick={() => void send("retry", `${name} is tried again`)}
            >
              Retry
            </Button>
            <Button small look="quiet" busy={busy} onClick={() => void send("ignore", `${name} is ignored`)}>
              Ignore
            </Button>
          </span>
        ) : null
      }
    >
      {props.reason}
      <ErrorNote error={error} />
    </Note>
  );
}
