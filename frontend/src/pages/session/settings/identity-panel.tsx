import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { Group, SessionView } from "../../../api/types";
import { allows } from "../../../lib/me";
import { useAction } from "../../../lib/use-action";
import { Button } from "../../../ui/button";
import { ErrorNote, toast } from "../../../ui/feedback";
import { SelectField, TextField } from "../../../ui/field";

/** Name and group of a session: changed at once, no revision of the settings. */
export function IdentityPanel({ session }: { session: SessionView }) {
  const client = useQueryClient();
  const { busy, error, run } = useAction();
  const groups = useQuery({
    queryKey: ["groups"],
    queryFn: () => api.get<Group[]>("/groups"),
    enabled: allows(session.role, "owner"),
  });
  const [name, setName] = useState(session.name);
  const [group, setGroup] = useState(session.group);
  const change = {
    ...(name === session.name ? {} : { name }),
    ...(group === session.group ? {} : { group }),
  };
  const save = async () => {
    if (!(await run(() => api.patch(`/sessions/${session.id}`, change)))) return;
    toast("Saved");
    await client.invalidateQueries({ queryKey: keys.session(session.id) });
    await client.invalidateQueries({ queryKey: keys.sessions });
  };
  const choices = new Set([session.group, ...(groups.data ?? []).map((item) => item.name)]);
  return (
    <form
      className="stack narrow"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <ErrorNote error={error} />
      <TextField
        label="Name"
        value={name}
        onChange={setName}
        maxLength={100}
        disabled={!allows(session.role, "operator")}
      />
      {allows(session.role, "owner") ? (
        <SelectField
          label="Group"
          help="Who may see the session. Moving it needs an owner here and an operator there."
          value={group}
          choices={[...choices].map((item) => [item, item] as const)}
          onChange={setGroup}
        />
      ) : null}
      <dl className="keyvalue small">
        <dt>Folder</dt>
        <dd className="mono">{session.folder}</dd>
        <dt>Source kind</dt>
        <dd>{session.kind}, fixed when the session was made</dd>
        <dt>Identity</dt>
        <dd className="mono">
          {session.label}, {session.uuid}
        </dd>
      </dl>
      {allows(session.role, "operator") ? (
        <div>
          <Button type="submit" busy={busy} disabled={!Object.keys(change).length || !name.trim()}>
            Save name and group
          </Button>
        </div>
      ) : null}
    </form>
  );
}
