import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api } from "../../api/client";
import { keys } from "../../api/queries";
import type { Alert, SessionView } from "../../api/types";
import { allows } from "../../lib/me";
import { AlertNote } from "../../ui/alert-note";
import { Link } from "../../ui/link";

/** Open alerts of all sessions that one sees. */
export function AllAlerts({ sessions }: { sessions: readonly SessionView[] }) {
  const client = useQueryClient();
  const alerts = useQuery({
    queryKey: keys.alerts,
    queryFn: () => api.get<Alert[]>("/alerts", { only_open: true }),
  });
  if (!alerts.data?.length) return null;
  return (
    <section className="stack tight" aria-label="Alerts">
      {alerts.data.map((alert) => {
        const session = sessions.find(({ id }) => id === alert.session_id);
        return (
          <AlertNote
            key={alert.id}
            alert={alert}
            lead={
              <Link to={`/sessions/${alert.session_id}/operation`}>
                {session?.name ?? `S${alert.session_id}`}
              </Link>
            }
            maySnooze={allows(session?.role, "operator")}
            onSnoozed={() => void client.invalidateQueries({ queryKey: keys.alerts })}
          />
        );
      })}
    </section>
  );
}
