import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { SessionView } from "../../../api/types";
import { clock, count } from "../../../lib/format";
import { Button } from "../../../ui/button";
import { Badge, Progress } from "../../../ui/feedback";
import { Link } from "../../../ui/link";
import { ExportLog } from "./export-log";
import { countsText, type ExportJob, isGoing, TONES } from "./types";

const SHOWN = 3;

/** The newest exports, where the session is run: state, how far, where, and what was said. */
export function LastExports({ session }: { session: SessionView }) {
  const exports = useQuery({
    queryKey: keys.part(session.id, "exports"),
    queryFn: () => api.get<ExportJob[]>(`/sessions/${session.id}/exports`),
    refetchInterval: ({ state }) => (state.data?.some(isGoing) ? 1000 : false),
  });
  const [told, setTold] = useState<number | null>(null);
  const jobs = exports.data?.slice(0, SHOWN) ?? [];
  const job = jobs.find(({ number }) => number === told);
  if (!jobs.length) return null;
  return (
    <section className="panel stack" aria-labelledby="exports-title">
      <h2 id="exports-title">
        <Link to={`/sessions/${session.id}/exports`}>Exports</Link>
      </h2>
      {jobs.map((job) => (
        <div key={job.number} className="stack tight">
          <div className="row apart">
            <span className="row tight">
              <b>{job.name}</b> <Badge tone={TONES[job.state]}>{job.state}</Badge>
            </span>
            <span className="row tight">
              <span className="muted small">{clock(job.created_at)}</span>
              <Button
                small
                look="quiet"
                icon="list"
                aria-label={`Log of export ${job.name}`}
                onClick={() => setTold(job.number)}
              >
                Log
              </Button>
            </span>
          </div>
          {job.state === "running" ? (
            <Progress value={job.fraction ?? 0} label={`Export ${job.name}`} />
          ) : null}
          <p className="small muted breakable">
            {job.state === "done"
              ? `${countsText(job.result.counts, count)}; in ${job.path}`
              : job.reason || job.doing}
          </p>
        </div>
      ))}
      {job ? <ExportLog session={session} job={job} onClose={() => setTold(null)} /> : null}
    </section>
  );
}
