import { useQuery } from "@tanstack/react-query";
import { api } from "../../api/client";
import { fullTime } from "../../lib/format";
import { ErrorNote } from "../../ui/feedback";

interface AuditRow {
  id: number;
  at: number;
  who: string;
  what: string;
  session_id: number | null;
  before: unknown;
  after: unknown;
}

/** Who changed what, when. */
export function AuditPanel() {
  const audit = useQuery({ queryKey: ["server", "audit"], queryFn: () => api.get<AuditRow[]>("/audit") });
  return (
    <section className="panel" aria-labelledby="audit-title">
      <h2 id="audit-title">What was changed</h2>
      <ErrorNote error={audit.error} />
      <div className="table-wrap">
        <table className="table compact">
          <thead>
            <tr>
              <th>When</th>
              <th>Who</th>
              <th>What</th>
              <th>Session</th>
              <th>Before → after</th>
            </tr>
          </thead>
          <tbody>
            {(audit.data ?? []).map((row) => (
              <tr key={row.id}>
                <td className="number nowrap">{fullTime(row.at)}</td>
                <td>{row.who}</td>
                <td className="nowrap">{row.what}</td>
                <td>{row.session_id === null ? "" : `S${row.session_id}`}</td>
                <td className="mono small breakable">{difference(row.before, row.after)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function difference(before: unknown, after: unknown): string {
  const words = [before, after]
    .filter((part) => part !== null && part !== undefined)
    .map((part) => JSON.stringify(part));
  return words.join(" → ");
}
