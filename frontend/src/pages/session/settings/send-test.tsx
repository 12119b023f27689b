import { useState } from "react";
import { api } from "../../../api/client";
import type { SessionView, Values } from "../../../api/types";
import { useAction } from "../../../lib/use-action";
import { Button } from "../../../ui/button";
import { ErrorNote, Note } from "../../../ui/feedback";

/** Sends a message to the targets on the form, saved or not, to see whether it arrives. */
export function SendTest({ session, values }: { session: SessionView; values: Values }) {
  const { busy, error, run } = useAction();
  const [problem, setProblem] = useState<string | null>(null);
  const targets = (values.notify_targets ?? []) as string[];
  const send = () =>
    run(async () => {
      setProblem(null);
      const sent = await api.post<{ problem: string }>(`/sessions/${session.id}/alerts/test`, { targets });
      setProblem(sent.problem);
    });
  return (
    <div className="stack tight">
      <div>
        <Button busy={busy} disabled={!targets.length} onClick={() => void send()}>
          Send a test message
        </Button>
      </div>
      <ErrorNote error={error} />
      {problem === "" ? (
        <Note tone="good" live>
          Sent. It should arrive within a minute.
        </Note>
      ) : null}
      {problem ? (
        <Note tone="bad" live>
          {problem}
        </Note>
      ) : null}
    </div>
  );
}
