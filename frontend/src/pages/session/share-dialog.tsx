import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { keys } from "../../api/queries";
import type { SessionView, ShareLink } from "../../api/types";
import { clock } from "../../lib/format";
import { useAction } from "../../lib/use-action";
import { Button } from "../../ui/button";
import { CopyText } from "../../ui/copy-text";
import { Dialog } from "../../ui/dialog";
import { ErrorNote, Note } from "../../ui/feedback";
import { SelectField } from "../../ui/field";

const DAYS = [
  ["1", "one day"],
  ["7", "a week"],
  ["30", "30 days"],
  ["365", "a year"],
] as const;

/** Links by which anybody can look at this session, and only at it. */
export function ShareDialog({ session, onClose }: { session: SessionView; onClose: () => void }) {
  const client = useQueryClient();
  const path = `/sessions/${session.id}/share-links`;
  const queryKey = keys.part(session.id, "share-links");
  const links = useQuery({ queryKey, queryFn: () => api.get<ShareLink[]>(path) });
  const [days, setDays] = useState("7");
  const [made, setMade] = useState("");
  const { busy, error, run } = useAction();
  const change = async (work: () => Promise<unknown>) => {
    if (await run(work)) await client.invalidateQueries({ queryKey });
  };
  const make = () =>
    change(async () => {
      const link = await api.post<{ path: string }>(path, { days: Number(days) });
      setMade(window.location.origin + link.path);
    });
  return (
    <Dialog title={`Share ${session.name}`} onClose={onClose} foot={<Button onClick={onClose}>Close</Button>}>
      <p>Who opens the link sees this session and can change nothing. No account is needed.</p>
      <ErrorNote error={error ?? links.error} />
      <div className="row end">
        <SelectField label="Valid for" value={days} choices={DAYS} onChange={setDays} />
        <Button look="primary" icon="link" busy={busy} onClick={() => void make()}>
          Make a link
        </Button>
      </div>
      {made ? (
        <Note tone="good" live>
          Copy it now, it is not shown again:
          <CopyText text={made} />
        </Note>
      ) : null}
      {links.data?.length ? (
        <table className="table">
          <thead>
            <tr>
              <th>Made by</th>
              <th>Made</th>
              <th>Ends</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {links.data.map((link) => (
              <tr key={link.id}>
                <td>{link.created_by_login ?? "–"}</td>
                <td className="number">{clock(link.created_at)}</td>
                <td className="number">{clock(link.expires_at)}</td>
                <td className="right">
                  <Button
                    small
                    look="danger"
                    onClick={() => void change(() => api.delete(`${path}/${link.id}`))}
                  >
                    End
                  </Button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p className="muted">No link is valid now.</p>
      )}
    </Dialog>
  );
}
