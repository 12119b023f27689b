import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api } from "../../api/client";
import { keys } from "../../api/queries";
import type { Alert, SessionView } from "../../api/types";
import { ago, clock } from "../../lib/format";
import { allows } from "../../lib/me";
import { useNow } from "../../lib/now";
import { Button } from "../../ui/button";
import { Note, toastError } from "../../ui/feedback";

const SNOOZE_MIN = 30;

/** Alerts that are open now; a snoozed one is shown small until it wakes up. */
export function AlertsPanel({ session }: { session: SessionView }) {
  const now = useNow(10);
  const client = useQueryClient();
  const queryKey = keys.part(session.id, "alerts");
  const alerts = useQuery({ queryKey, queryFn: () => api.get<Alert[]>(`/sessions/${session.id}/alerts`) });
  const snooze = async (alert: Alert) => {
    try {
      await api.post(`/alerts/${alert.id}/snooze`, { minutes: SNOOZE_MIN });
      await client.invalidateQueries({ queryKey });
    } catch (error) {
      toastError(error);
    }
  };
  const open = (alerts.data ?? []).filter((alert) => alert.cleared_at === null);
  if (!open.length) return null;
  return (
    <section className="stack tight" aria-label="Alerts">
      {open.map((alert) => {
        const asleep = alert.snoozed_until !== null && alert.snoozed_until > now;
        return (
          <Note
            key={alert.id}
            tone={asleep ? "plain" : "warn"}
            live={!asleep}
            action={
              asleep || !allows(session.role, "operator") ? null : (
                <Button small onClick={() => void snooze(alert)}>
                  Snooze {SNOOZE_MIN} min
                </Button>
              )
            }
          >
            {alert.message} <span className="muted nowrap">{ago(alert.raised_at, now)}</span>
            {asleep ? <span className="muted"> · quiet until {clock(alert.snoozed_until)}</span> : null}
          </Note>
        );
      })}
    </section>
  );
}
