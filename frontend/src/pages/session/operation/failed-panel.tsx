import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { SessionView } from "../../../api/types";
import { plural } from "../../../lib/format";
import { mayChange } from "../../../lib/me";
import { Button } from "../../../ui/button";
import { Empty, ErrorNote, toast, toastError } from "../../../ui/feedback";
import { Link } from "../../../ui/link";

interface FailedPage {
  rows: { name: string; failed_stage: string | null; reason: string | null; attempts: number }[];
  total: number;
}

/** Movies that failed, with the reason and what can be done. */
export function FailedPanel({ session }: { session: SessionView }) {
  const client = useQueryClient();
  const [busy, setBusy] = useState("");
  const failed = useQuery({
    queryKey: keys.part(session.id, "movies", "failed"),
    queryFn: () =>
      api.get<FailedPage>(`/sessions/${session.id}/movies`, {
        state: "failed",
        columns: "name,failed_stage,reason,attempts",
        limit: 50,
      }),
  });
  const changeable = mayChange(session);
  const send = async (path: string, said: string) => {
    setBusy(path);
    try {
      await api.post(`/sessions/${session.id}/movies/${path}`);
      toast(said);
      await client.invalidateQueries({ queryKey: keys.part(session.id, "movies") });
    } catch (error) {
      toastError(error);
    } finally {
      setBusy("");
    }
  };
  const rows = failed.data?.rows ?? [];
  return (
    <section className="panel wide" aria-labelledby="failed-title">
      <div className="row apart">
        <h2 id="failed-title">Failed movies</h2>
        {changeable && rows.length ? (
          <Button
            small
            icon="restart"
            busy={busy === "retry-failed"}
            onClick={() => void send("retry-failed", "All failed movies are tried again")}
          >
            Retry all {failed.data?.total}
          </Button>
        ) : null}
      </div>
      <ErrorNote error={failed.error} />
      {failed.data && !failed.error && !rows.length ? (
        <Empty icon="check" title="No movie has failed" />
      ) : null}
      <section
        className="failed-list"
        aria-label="List of failed movies"
        tabIndex={rows.length > 3 ? 0 : undefined}
      >
        <ul className="failed">
          {rows.map((movie) => (
            <li key={movie.name}>
              <div className="grow">
                <Link
                  className="breakable"
                  to={`/sessions/${session.id}/logs?track=preprocess&search=${encodeURIComponent(movie.name)}`}
                >
                  {movie.name}
                </Link>{" "}
                <span className="muted small">
                  {movie.failed_stage ?? ""} {movie.attempts > 1 ? `after ${movie.attempts} tries` : ""}
                </span>
                <p className="small breakable">{movie.reason}</p>
              </div>
              {changeable ? (
                <div className="row tight nowrap-row">
                  <Button
                    small
                    busy={busy === `${movie.name}/retry`}
                    aria-label={`Retry ${movie.name}`}
                    onClick={() => void send(`${movie.name}/retry`, `${movie.name} is tried again`)}
                  >
                    Retry
                  </Button>
                  <Button
                    small
                    look="quiet"
                    busy={busy === `${movie.name}/ignore`}
                    aria-label={`Ignore ${movie.name}`}
                    onClick={() => void send(`${movie.name}/ignore`, `${movie.name} is ignored`)}
                  >
                    Ignore
                  </Button>
                </div>
              ) : null}
            </li>
          ))}
        </ul>
      </section>
      {failed.data && failed.data.total > rows.length ? (
        <p className="small muted">
          and {plural(failed.data.total - rows.length, "more movie")}:{" "}
          <Link to={`/sessions/${session.id}/table?state=failed&show=all`}>all in the table</Link>
        </p>
      ) : null}
    </section>
  );
}
