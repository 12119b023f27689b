import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { useAction } from "../../lib/use-action";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { ErrorNote } from "../../ui/feedback";
import { CheckField, TextField } from "../../ui/field";

export function NewUserDialog({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const { busy, error, run } = useAction();
  const [login, setLogin] = useState("");
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [isAdmin, setAdmin] = useState(false);
  const add = async () => {
    const done = await run(() => api.post("/users", { login, name, password, is_admin: isAdmin }));
    if (!done) return;
    await client.invalidateQueries({ queryKey: ["users"] });
    onClose();
  };
  return (
    <Dialog
      title="Add a user"
      onClose={onClose}
      onSubmit={() => void add()}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy} disabled={!login || !password}>
            Add
          </Button>
        </>
      }
    >
      <ErrorNote error={error} />
      <TextField
        label="Login"
        help="Small letters, digits and . _ @ -"
        value={login}
        onChange={setLogin}
        autoComplete="off"
        autoFocus
      />
      <TextField label="Name" value={name} onChange={setName} autoComplete="off" />
      <TextField
        label="First password"
        type="password"
        help="They can change it on their profile page."
        value={password}
        onChange={setPassword}
        autoComplete="new-password"
      />
      <CheckField label="Admin: all sessions, users, the server" checked={isAdmin} onChange={setAdmin} />
    </Dialog>
  );
}
