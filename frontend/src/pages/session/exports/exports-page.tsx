import { useQuery } from "@tanstack/react-query";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import { bytes, clock } from "../../../lib/format";
import { Empty, ErrorNote, Progress, Waiting } from "../../../ui/feedback";
import { StateBadge } from "../../../ui/state";
import type { SessionTabProps } from "../session-page";

export interface ExportJob {
  name: string;
  format: string;
  state: string;
  progress: number | null;
  path: string;
  size_bytes: number | null;
  created_at: number;
  created_by: string;
  reason: string;
}

export default function ExportsPage({ session }: SessionTabProps) {
  const exports = useQuery({
    queryKey: keys.part(session.id, "exports"),
    queryFn: () => api.get<ExportJob[]>(`/sessions/${session.id}/exports`),
  });
  return (
    <>
      <ErrorNote error={exports.error} retry={() => void exports.refetch()} />
      {exports.isPending ? <Waiting /> : null}
      {exports.data?.length === 0 ? (
        <Empty icon="upload" title="Nothing has been exported yet">
          Exports for RELION, cryoSPARC and cisTEM appear here with their path and size.
        </Empty>
      ) : null}
      {exports.data?.length ? (
        <section className="panel table-wrap">
          <table className="table">
            <thead>
              <tr>
                <th>Name</th>
                <th>Format</th>
                <th>State</th>
                <th className="right">Size</th>
                <th>Made</th>
                <th>Path</th>
              </tr>
            </thead>
            <tbody>
              {exports.data.map((job) => (
                <tr key={job.name}>
                  <td>{job.name}</td>
                  <td>{job.format}</td>
                  <td>
                    <StateBadge state={job.state} />
                    {job.state === "running" && job.progress !== null ? (
                      <Progress value={job.progress} label={`Progress of ${job.name}`} />
                    ) : null}
                    {job.reason ? <p className="small muted">{job.reason}</p> : null}
                  </td>
                  <td className="right number">{bytes(job.size_bytes)}</td>
                  <td className="number nowrap">
                    {clock(job.created_at)} {job.created_by}
                  </td>
                  <td className="mono breakable">{job.path}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ) : null}
    </>
  );
}
