import { useState } from "react";
import { api } from "../../api/client";
import { useAction } from "../../lib/use-action";
import { Button } from "../../ui/button";
import { ErrorNote, toast } from "../../ui/feedback";
import { TextField } from "../../ui/field";

export function PasswordPanel({ userId }: { userId: number }) {
  const { busy, error, run } = useAction();
  const [old, setOld] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const differs = again !== "" && again !== password;
  const change = async () => {
    const done = await run(() => api.patch(`/users/${userId}`, { password, old_password: old }));
    if (!done) return;
    toast("The password is changed; other logins have ended");
    setOld("");
    setPassword("");
    setAgain("");
  };
  return (
    <section className="panel" aria-labelledby="password-title">
      <h2 id="password-title">Password</h2>
      <form
        className="stack narrow"
        onSubmit={(event) => {
          event.preventDefault();
          void change();
        }}
      >
        <ErrorNote error={error} />
        <TextField
          label="Old password"
          type="password"
          autoComplete="current-password"
          value={old}
          onChange={setOld}
        />
        <TextField
          label="New password"
          type="password"
          autoComplete="new-password"
          value={password}
          onChange={setPassword}
        />
        <TextField
          label="New password, again"
          type="password"
          autoComplete="new-password"
          value={again}
          onChange={setAgain}
          error={differs ? "The two differ." : null}
        />
        <div>
          <Button type="submit" busy={busy} disabled={!old || !password || again !== password}>
            Change the password
          </Button>
        </div>
      </form>
    </section>
  );
}
