import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import type { Group, Token } from "../../api/types";
import { ago, clock } from "../../lib/format";
import { useMe } from "../../lib/me";
import { useNow } from "../../lib/now";
import { useAction } from "../../lib/use-action";
import { Button } from "../../ui/button";
import { CopyText } from "../../ui/copy-text";
import { ErrorNote, Note } from "../../ui/feedback";
import { SelectField, TextField } from "../../ui/field";

const SCOPES = [
  ["viewer", "viewer: looks, downloads"],
  ["operator", "operator: runs sessions"],
  ["owner", "owner: also deletes"],
] as const;
const ADMIN = ["admin", "admin: everything"] as const;

const DAYS = [
  ["", "until removed"],
  ["1", "one day"],
  ["30", "30 days"],
  ["365", "a year"],
] as const;

/** API tokens: for the command line and programs. */
export function TokensPanel({ groups }: { groups: readonly Group[] }) {
  const me = useMe();
  const now = useNow(30);
  const client = useQueryClient();
  const tokens = useQuery({ queryKey: ["tokens"], queryFn: () => api.get<Token[]>("/tokens") });
  const { busy, error, run } = useAction();
  const [name, setName] = useState("");
  const [scope, setScope] = useState("viewer");
  const [group, setGroup] = useState("");
  const [days, setDays] = useState("");
  const [made, setMade] = useState("");
  const change = async (work: () => Promise<unknown>) => {
    if (await run(work)) await client.invalidateQueries({ queryKey: ["tokens"] });
  };
  const make = () =>
    change(async () => {
      const body = { name, scope, group_id: group ? Number(group) : null, days: days ? Number(days) : null };
      setMade((await api.post<{ token: string }>("/tokens", body)).token);
      setName("");
    });
  return (
    <section className="panel stack" aria-labelledby="tokens-title">
      <h2 id="tokens-title">API tokens</h2>
      <p className="muted">
        For the command line and for programs. A token may do what you may, and at most what its scope says.
      </p>
      <ErrorNote error={error ?? tokens.error} />
      {made ? (
        <Note tone="good" live>
          Copy it now, it is not shown again:
          <CopyText text={made} />
        </Note>
      ) : null}
      {tokens.data?.length ? (
        <div className="table-wrap">
          <table className="table">
            <thead>
              <tr>
                <th>Name</th>
                <th>Whose</th>
                <th>Scope</th>
                <th>Group</th>
                <th>Last used</th>
                <th>Ends</th>
                <th />
              </tr>
            </thead>
            <tbody>
              {tokens.data.map((token) => (
                <tr key={token.id}>
                  <td>{token.name}</td>
                  <td>{token.login}</td>
                  <td>{token.scope}</td>
                  <td>{groups.find(({ id }) => id === token.group_id)?.name ?? "all"}</td>
                  <td className="number nowrap">
                    {token.last_used_at ? ago(token.last_used_at, now) : "never"}
                  </td>
                  <td className="number nowrap">{token.expires_at ? clock(token.expires_at) : "never"}</td>
                  <td className="right">
                    <Button
                      small
                      look="danger"
                      aria-label={`Remove token ${token.name}`}
                      onClick={() => void change(() => api.delete(`/tokens/${token.id}`))}
                    >
                      Remove
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      <form
        className="row end"
        onSubmit={(event) => {
          event.preventDefault();
          void make();
        }}
      >
        <TextField
          label="Name"
          placeholder="what it is for"
          value={name}
          onChange={setName}
          maxLength={100}
        />
        <SelectField
          label="Scope"
          value={scope}
          choices={me.is_admin ? [...SCOPES, ADMIN] : SCOPES}
          onChange={setScope}
        />
        <SelectField
          label="Group"
          value={group}
          choices={[
            ["", "all of mine"],
            ...groups.map(({ id, name: label }) => [String(id), label] as const),
          ]}
          onChange={setGroup}
        />
        <SelectField label="Valid" value={days} choices={DAYS} onChange={setDays} />
        <Button type="submit" icon="key" busy={busy} disabled={!name.trim()}>
          Make a token
        </Button>
      </form>
    </section>
  );
}
