import type { ReactNode } from "react";
import { api } from "../api/client";
import type { Alert } from "../api/types";
import { ago, clock } from "../lib/format";
import { useNow } from "../lib/now";
import { useAction } from "../lib/use-action";
import { Button } from "./button";
import { ErrorNote, Note } from "./feedback";

const SNOOZE_MIN = 30;
/** The one rule that tells something to be glad of. */
const GOOD_NEWS = "first_classes";

/** One open alert; a snoozed one is quiet until it wakes up. */
export function AlertNote(props: {
  alert: Alert;
  maySnooze: boolean;
  /** Stands before the message. */
  lead?: ReactNode;
  onSnoozed: () => void;
}) {
  const { alert } = props;
  const now = useNow(10);
  const { busy, error, run } = useAction();
  const asleep = alert.snoozed_until !== null && alert.snoozed_until > now;
  const snooze = async () => {
    const done = await run(() =>
      api.post(`/alerts/${alert.id}/snooze`, { minutes: asleep ? 0 : SNOOZE_MIN }),
    );
    if (done) props.onSnoozed();
  };
  return (
    <Note
      tone={asleep ? "plain" : alert.rule === GOOD_NEWS ? "good" : "warn"}
      live={!asleep}
      action={
        props.maySnooze ? (
          <Button small busy={busy} onClick={() => void snooze()}>
            {asleep ? "Wake it" : `Snooze ${SNOOZE_MIN} min`}
          </Button>
        ) : null
      }
    >
      {props.lead} {alert.message} <span className="muted nowrap">{ago(alert.raised_at, now)}</span>
      {asleep ? <span className="muted"> · quiet until {clock(alert.snoozed_until)}</span> : null}
      <ErrorNote error={error} />
    </Note>
  );
}
