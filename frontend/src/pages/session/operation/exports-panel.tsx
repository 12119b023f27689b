import { useQuery } from "@tanstack/react-query";
import { ApiError, api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { SessionView } from "../../../api/types";
import { bytes } from "../../../lib/format";
import { Link } from "../../../ui/link";
import { StateBadge } from "../../../ui/state";
import type { ExportJob } from "../exports/exports-page";

/** The last three exports. */
export function ExportsPanel({ session }: { session: SessionView }) {
  const exports = useQuery({
    queryKey: keys.part(session.id, "exports"),
    queryFn: () => api.get<ExportJob[]>(`/sessions/${session.id}/exports`),
  });
  if (exports.error instanceof ApiError || !exports.data?.length) return null;
  return (
    <section className="panel" aria-labelledby="exports-title">
      <div className="row apart">
        <h2 id="exports-title">Exports</h2>
        <Link to={`/sessions/${session.id}/exports`}>all</Link>
      </div>
      <ul className="stack tight">
        {exports.data.slice(0, 3).map((job) => (
          <li key={job.name} className="row tight">
            <StateBadge state={job.state} />
            <span className="grow truncate">{job.name}</span>
            <span className="number small muted">{bytes(job.size_bytes)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
