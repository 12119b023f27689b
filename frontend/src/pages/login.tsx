import { useState } from "react";
import { api } from "../api/client";
import { Button } from "../ui/button";
import { ErrorNote } from "../ui/feedback";
import { TextField } from "../ui/field";
import { Icon } from "../ui/icon";

export function LoginPage({ onLogin }: { onLogin: () => void }) {
  const [login, setLogin] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    setError(null);
    try {
      await api.post("/login", { login, password });
      onLogin();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <main className="login">
      <form
        className="panel stack"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <div className="row">
          <Icon name="snow" />
          <h1>Frazil</h1>
        </div>
        <ErrorNote error={error} />
        <TextField
          label="Login"
          autoComplete="username"
          autoFocus
          required
          value={login}
          onChange={setLogin}
        />
        <TextField
          label="Password"
          type="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={setPassword}
        />
        <Button type="submit" look="primary" busy={busy} disabled={!login || !password}>
          Log in
        </Button>
        <p className="small muted">
          No account? An admin of this server can make one. On a server without accounts, open the link that
          it printed when it started.
        </p>
      </form>
    </main>
  );
}
