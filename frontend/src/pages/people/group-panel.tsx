import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import type { Group, User } from "../../api/types";
import { plural } from "../../lib/format";
import { useAction } from "../../lib/use-action";
import { Button } from "../../ui/button";
import { ErrorNote } from "../../ui/feedback";

const ROLES = ["viewer", "operator", "owner"] as const;

/** A group, its members and their roles. */
export function GroupPanel({ group, users }: { group: Group; users: readonly User[] }) {
  const client = useQueryClient();
  const { busy, error, run } = useAction();
  const [added, setAdded] = useState("");
  const others = users.filter(({ id }) => !group.members.some((member) => member.user_id === id));
  const change = async (work: () => Promise<unknown>) => {
    if (!(await run(work))) return;
    await client.invalidateQueries({ queryKey: ["groups"] });
    await client.invalidateQueries({ queryKey: ["users"] });
  };
  const member = (id: number | string) => `/groups/${group.id}/members/${id}`;
  return (
    <section className="panel stack" aria-label={`Group ${group.name}`}>
      <div className="row nowrap-row">
        <h3 className="grow">{group.name}</h3>
        <span className="muted small nowrap">{plural(group.members.length, "member")}</span>
        <Button
          small
          look="quiet"
          icon="trash"
          aria-label={`Remove group ${group.name}`}
          title="Remove the group; it must have no session"
          busy={busy}
          onClick={() => void change(() => api.delete(`/groups/${group.id}`))}
        />
      </div>
      <ErrorNote error={error} />
      <ul className="stack tight">
        {group.members.map((person) => (
          <li className="row tight" key={person.user_id}>
            <span className="grow truncate" title={person.name}>
              {person.login}
            </span>
            <select
              className="input choice"
              aria-label={`Role of ${person.login} in ${group.name}`}
              value={person.role}
              onChange={(event) =>
                void change(() => api.put(member(person.user_id), { role: event.target.value }))
              }
            >
              {ROLES.map((role) => (
                <option key={role}>{role}</option>
              ))}
            </select>
            <Button
              small
              look="quiet"
              icon="close"
              aria-label={`Take ${person.login} out of ${group.name}`}
              onClick={() => void change(() => api.delete(member(person.user_id)))}
            />
          </li>
        ))}
      </ul>
      {others.length ? (
        <form
          className="row tight"
          onSubmit={(event) => {
            event.preventDefault();
            if (added)
              void change(() => api.put(member(added), { role: "operator" })).then(() => setAdded(""));
          }}
        >
          <select
            className="input choice grow"
            aria-label={`Add a member to ${group.name}`}
            value={added}
            onChange={(event) => setAdded(event.target.value)}
          >
            <option value="">add a member…</option>
            {others.map((user) => (
              <option key={user.id} value={user.id}>
                {user.login}
              </option>
            ))}
          </select>
          <Button small type="submit" icon="plus" disabled={!added}>
            Add
          </Button>
        </form>
      ) : null}
    </section>
  );
}
