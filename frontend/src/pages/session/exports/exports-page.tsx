import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, url } from "../../../api/client";
import { keys } from "../../../api/queries";
import { plural } from "../../../lib/format";
import { mayChange } from "../../../lib/me";
import { Button } from "../../../ui/button";
import { Empty, ErrorNote, Waiting } from "../../../ui/feedback";
import { Icon } from "../../../ui/icon";
import type { SessionTabProps } from "../session-page";
import { ExportCard } from "./export-card";
import { ExportDialog } from "./export-dialog";
import { LivePanel } from "./live-panel";
import { type ExportJob, isGoing } from "./types";
import "./exports.css";

/** What other programs get of the session. */
export default function ExportsPage({ session }: SessionTabProps) {
  const [asking, setAsking] = useState(false);
  const exports = useQuery({
    queryKey: keys.part(session.id, "exports"),
    queryFn: () => api.get<ExportJob[]>(`/sessions/${session.id}/exports`),
    // How far an export is stands in a file that the server reads when it is asked.
    refetchInterval: ({ state }) => (state.data?.some(isGoing) ? 1000 : false),
  });
  const jobs = exports.data ?? [];
  const make = mayChange(session) ? (
    <Button look="primary" icon="plus" onClick={() => setAsking(true)}>
      New export
    </Button>
  ) : null;
  return (
    <div className="stack">
      <ErrorNote error={exports.error} retry={() => void exports.refetch()} />
      {exports.isPending ? <Waiting /> : null}
      {exports.data && !jobs.length ? (
        <Empty icon="upload" title="Nothing has been exported yet" action={make}>
          RELION, cryoSPARC and cisTEM take an export as it is; the session goes on meanwhile.
        </Empty>
      ) : null}
      {jobs.length ? (
        <div className="row apart">
          <span className="muted">{plural(jobs.length, "export")}</span>
          {make}
        </div>
      ) : null}
      <p>
        <a className="button small" href={url(`/sessions/${session.id}/report.html`)} download>
          <Icon name="file" />
          Report
        </a>{" "}
        <a className="button small" href={url(`/sessions/${session.id}/report.pdf`)} download>
          <Icon name="file" />
          Report as PDF
        </a>
      </p>
      {jobs.map((job) => (
        <ExportCard key={job.number} session={session} job={job} />
      ))}
      {exports.data ? <LivePanel session={session} /> : null}
      {asking ? (
        <ExportDialog session={session} onClose={() => setAsking(false)} onStarted={() => undefined} />
      ) : null}
    </div>
  );
}
