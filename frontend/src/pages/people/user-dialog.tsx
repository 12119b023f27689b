import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import type { User } from "../../api/types";
import { useAction } from "../../lib/use-action";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { ErrorNote, toast } from "../../ui/feedback";
import { CheckField, TextField } from "../../ui/field";

export function UserDialog({ user, onClose }: { user: User; onClose: () => void }) {
  const client = useQueryClient();
  const { busy, error, run } = useAction();
  const [name, setName] = useState(user.name);
  const [isAdmin, setAdmin] = useState(user.is_admin);
  const [disabled, setDisabled] = useState(user.disabled);
  const [password, setPassword] = useState("");
  const [removing, setRemoving] = useState(false);
  const finish = async (work: () => Promise<unknown>, said: string) => {
    if (!(await run(work))) return;
    await client.invalidateQueries({ queryKey: ["users"] });
    await client.invalidateQueries({ queryKey: ["groups"] });
    toast(said);
    onClose();
  };
  const change = {
    ...(name === user.name ? {} : { name }),
    ...(isAdmin === user.is_admin ? {} : { is_admin: isAdmin }),
    ...(disabled === user.disabled ? {} : { disabled }),
    ...(password ? { password } : {}),
  };
  return (
    <Dialog
      title={user.login}
      onClose={onClose}
      onSubmit={() => void finish(() => api.patch(`/users/${user.id}`, change), `${user.login} is changed`)}
      foot={
        <>
          {removing ? (
            <Button
              look="danger primary"
              icon="trash"
              busy={busy}
              onClick={() => void finish(() => api.delete(`/users/${user.id}`), `${user.login} is removed`)}
            >
              Really remove {user.login}
            </Button>
          ) : (
            <Button look="danger" icon="trash" onClick={() => setRemoving(true)}>
              Remove
            </Button>
          )}
          <span className="grow" />
          <Button onClick={onClose}>Cancel</Button>
          <Button
            type="submit"
            look="primary"
            busy={busy}
            disabled={!Object.keys(change).length || !name.trim()}
          >
            Save
          </Button>
        </>
      }
    >
      <ErrorNote error={error} />
      <TextField label="Name" value={name} onChange={setName} />
      <TextField
        label="New password"
        type="password"
        help="Empty: it stays. A new one ends all logins of this user."
        value={password}
        onChange={setPassword}
        autoComplete="new-password"
      />
      <CheckField label="Admin: all sessions, users, the server" checked={isAdmin} onChange={setAdmin} />
      <CheckField
        label="Disabled: can't log in, running logins end"
        checked={disabled}
        onChange={setDisabled}
      />
      {removing ? (
        <p className="muted">Removes the account with its logins and tokens. Sessions stay.</p>
      ) : null}
    </Dialog>
  );
}
