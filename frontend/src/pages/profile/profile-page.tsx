import { useQuery } from "@tanstack/react-query";
import { api } from "../../api/client";
import type { Group } from "../../api/types";
import { useLogOut } from "../../lib/log-out";
import { useMe } from "../../lib/me";
import { Button } from "../../ui/button";
import { Badge } from "../../ui/feedback";
import { PasswordPanel } from "./password-panel";
import { TokensPanel } from "./tokens-panel";

export default function ProfilePage() {
  const me = useMe();
  const logOut = useLogOut();
  const groups = useQuery({ queryKey: ["groups"], queryFn: () => api.get<Group[]>("/groups") });
  return (
    <div className="page">
      <h1>Profile</h1>
      <section className="panel">
        <div className="row apart">
          <h2>{me.login}</h2>
          {me.user_id === null ? null : (
            <Button className="on-phone" icon="arrowRight" onClick={logOut}>
              Log out
            </Button>
          )}
        </div>
        <div className="row tight names">
          {me.is_admin ? <Badge tone="busy">admin</Badge> : null}
          {(groups.data ?? []).map((group) => (
            <Badge key={group.id}>
              {group.name}: {group.role}
            </Badge>
          ))}
          {!me.is_admin && groups.data?.length === 0 ? (
            <span className="muted">You are in no group yet; an admin can add you to one.</span>
          ) : null}
        </div>
      </section>
      <TokensPanel groups={groups.data ?? []} />
      {me.user_id === null ? null : <PasswordPanel userId={me.user_id} />}
    </div>
  );
}
