import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import type { Group, User } from "../../api/types";
import { clock } from "../../lib/format";
import { useMe } from "../../lib/me";
import { Button } from "../../ui/button";
import { Badge, Empty, ErrorNote, Waiting } from "../../ui/feedback";
import { GroupPanel } from "./group-panel";
import { NewGroupDialog } from "./new-group-dialog";
import { NewUserDialog } from "./new-user-dialog";
import { UserDialog } from "./user-dialog";

export default function PeoplePage() {
  const me = useMe();
  const users = useQuery({
    queryKey: ["users"],
    queryFn: () => api.get<User[]>("/users"),
    enabled: me.is_admin,
  });
  const groups = useQuery({ queryKey: ["groups"], queryFn: () => api.get<Group[]>("/groups") });
  const [open, setOpen] = useState<"user" | "group" | User | null>(null);
  if (!me.is_admin) {
    return (
      <div className="page">
        <Empty icon="users" title="Only admins see this page">
          Ask an admin of this server for an account or a role in a group.
        </Empty>
      </div>
    );
  }
  return (
    <div className="page">
      <h1>Users and groups</h1>
      <ErrorNote error={users.error ?? groups.error} />
      <section className="panel" aria-labelledby="users-title">
        <div className="row apart">
          <h2 id="users-title">Users</h2>
          <Button icon="plus" onClick={() => setOpen("user")}>
            Add a user
          </Button>
        </div>
        {users.isPending ? <Waiting /> : null}
        <div className="table-wrap">
          <table className="table">
            <thead>
              <tr>
                <th>Login</th>
                <th>Name</th>
                <th>Roles</th>
                <th>Since</th>
                <th>
                  <span className="only-read">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {(users.data ?? []).map((user) => (
                <tr key={user.id}>
                  <td className="breakable name-cell">
                    <b>{user.login}</b>
                  </td>
                  <td className="breakable name-cell">{user.name}</td>
                  <td className="roomy">
                    <span className="row tight names">
                      {user.is_admin ? <Badge tone="busy">admin</Badge> : null}
                      {user.disabled ? <Badge tone="bad">disabled</Badge> : null}
                      {Object.entries(user.roles).map(([group, role]) => (
                        <Badge key={group}>
                          {groups.data?.find(({ id }) => String(id) === group)?.name ?? group}: {role}
                        </Badge>
                      ))}
                    </span>
                  </td>
                  <td className="number nowrap">{clock(user.created_at)}</td>
                  <td className="right">
                    <Button small aria-label={`Change ${user.login}`} onClick={() => setOpen(user)}>
                      Change
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
      <section className="stack" aria-labelledby="groups-title">
        <div className="row apart">
          <h2 id="groups-title">Groups</h2>
          <Button icon="plus" onClick={() => setOpen("group")}>
            Add a group
          </Button>
        </div>
        <p className="muted small">
          A viewer looks and downloads; an operator also runs sessions; an owner also deletes, archives and
          clears.
        </p>
        {groups.data?.length === 0 ? (
          <Empty icon="users" title="No group yet">
            A session belongs to one group, and only its members see it.
          </Empty>
        ) : null}
        <div className="cards">
          {(groups.data ?? []).map((group) => (
            <GroupPanel key={group.id} group={group} users={users.data ?? []} />
          ))}
        </div>
      </section>
      {open === "user" ? <NewUserDialog onClose={() => setOpen(null)} /> : null}
      {open === "group" ? <NewGroupDialog onClose={() => setOpen(null)} /> : null}
      {typeof open === "object" && open ? <UserDialog user={open} onClose={() => setOpen(null)} /> : null}
    </div>
  );
}
