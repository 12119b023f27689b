import { useQuery } from "@tanstack/react-query";
import { api } from "../../api/client";
import type { AuditRow } from "../../api/types";
import { fullTime } from "../../lib/format";
import { ErrorNote } from "../../ui/feedback";
import { TableWrap } from "../../ui/table-wrap";
import { differences } from "./differences";
import { changeWords } from "./words";

/** Who changed what, when. */
export function AuditPanel() {
  const audit = useQuery({ queryKey: ["server", "audit"], queryFn: () => api.get<AuditRow[]>("/audit") });
  return (
    <section className="panel" aria-labelledby="audit-title">
      <h2 id="audit-title">What was changed</h2>
      <ErrorNote error={audit.error} />
      <TableWrap label="Table of changes">
        <table className="table compact">
          <thead>
            <tr>
              <th>When</th>
              <th>Who</th>
              <th>What</th>
              <th>Session</th>
              <th>Difference</th>
            </tr>
          </thead>
          <tbody>
            {(audit.data ?? []).map((row) => (
              <tr key={row.id}>
                <td className="number nowrap">{fullTime(row.at)}</td>
                <td>{row.who}</td>
                <td className="nowrap" title={row.what}>
                  {changeWords(row.what)}
                </td>
                <td>{row.session_id === null ? "" : `S${row.session_id}`}</td>
                <td className="small breakable roomy">{differences(row.before, row.after)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </TableWrap>
    </section>
  );
}
