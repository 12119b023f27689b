import { createContext, useContext } from "react";
import type { Me, Role, SessionView } from "../api/types";

const NOBODY: Me = {
  user_id: null,
  login: "",
  is_admin: false,
  roles: {},
  shared_sessions: [],
  scope: "viewer",
  expires_at: null,
};

export const MeContext = createContext<Me>(NOBODY);

/** Who looks at the page. */
export function useMe(): Me {
  return useContext(MeContext);
}

const ORDER: readonly (Role | null)[] = [null, "viewer", "operator", "owner"];

/** Whether a role is enough. */
export function allows(have: Role | null | undefined, need: Role): boolean {
  return ORDER.indexOf(have ?? null) >= ORDER.indexOf(need);
}

/** Whether a role is enough in any group. */
export function allowsSomewhere(me: Me, need: Role): boolean {
  return me.is_admin || Object.values(me.roles).some((role) => allows(role, need));
}

/** Whether whoever looks may run and change a session: not an archived one, and not one that goes away. */
export function mayChange(session: Pick<SessionView, "role" | "life">): boolean {
  return allows(session.role, "operator") && session.life !== "archived" && session.life !== "deleting";
}
