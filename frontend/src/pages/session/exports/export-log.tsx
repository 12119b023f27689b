import { useQuery } from "@tanstack/react-query";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { SessionView } from "../../../api/types";
import { Dialog } from "../../../ui/dialog";
import { ErrorNote, Waiting } from "../../../ui/feedback";
import { type ExportJob, isGoing } from "./types";

/** What an export has said so far. */
export function ExportLog(props: { session: SessionView; job: ExportJob; onClose: () => void }) {
  const { session, job } = props;
  const log = useQuery({
    queryKey: keys.part(session.id, "exports", "log", job.number),
    queryFn: () => api.get<string>(`/sessions/${session.id}/exports/${job.number}/log`),
    refetchInterval: isGoing(job) ? 2000 : false,
    staleTime: 0,
  });
  return (
    <Dialog title={`Log of ${job.name}`} wide onClose={props.onClose}>
      <ErrorNote error={log.error} />
      {log.data === undefined ? (
        log.error ? null : (
          <Waiting />
        )
      ) : (
        <pre className="log-whole">{log.data || "Nothing has been done yet."}</pre>
      )}
    </Dialog>
  );
}
