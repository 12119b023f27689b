import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api } from "../../api/client";
import { keys } from "../../api/queries";
import type { Alert, SessionView } from "../../api/types";
import { allows } from "../../lib/me";
import { AlertNote } from "../../ui/alert-note";

/** Alerts of a session that are open now. */
export function AlertsPanel({ session }: { session: SessionView }) {
  const client = useQueryClient();
  const queryKey = keys.part(session.id, "alerts");
  const alerts = useQuery({
    queryKey,
    queryFn: () => api.get<Alert[]>(`/sessions/${session.id}/alerts`, { only_open: true }),
  });
  if (!alerts.data?.length) return null;
  return (
    <section className="stack tight" aria-label="Alerts">
      {alerts.data.map((alert) => (
        <AlertNote
          key={alert.id}
          alert={alert}
          maySnooze={allows(session.role, "operator")}
          onSnoozed={() => void client.invalidateQueries({ queryKey })}
        />
      ))}
    </section>
  );
}
