import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { MoviePage, SessionView } from "../../../api/types";
import { mayChange } from "../../../lib/me";
import { useAction } from "../../../lib/use-action";
import { Button } from "../../../ui/button";
import { ErrorNote, toast } from "../../../ui/feedback";

/** Movies whose source changed after it was delivered: somebody has to say which version counts. */
export function ChangedPanel({ session }: { session: SessionView }) {
  const client = useQueryClient();
  const { busy, error, run } = useAction();
  const changed = useQuery({
    queryKey: keys.part(session.id, "movies", "changed"),
    // Movies that are not failed have a reason only for this; those without come last.
    queryFn: () =>
      api.get<MoviePage>(`/sessions/${session.id}/movies`, {
        state: "done,outdated,queued,processing",
        columns: "name,reason",
        sort: "reason",
        descending: false,
        limit: 20,
      }),
  });
  const rows = (changed.data?.rows ?? []).filter(({ reason }) => reason);
  if (!rows.length) return null;
  const choose = async (name: string, action: "replace" | "ignore") => {
    const done = await run(() => api.post(`/sessions/${session.id}/movies/${name}/source`, { action }));
    if (!done) return;
    toast(
      action === "replace"
        ? `${name} is transferred and processed again`
        : `${name} stays as it was delivered`,
    );
    await client.invalidateQueries({ queryKey: keys.part(session.id, "movies") });
  };
  return (
    <section className="panel wide" aria-labelledby="changed-title">
      <h2 id="changed-title">Sources that changed after they were delivered</h2>
      <ErrorNote error={error} />
      <ul className="failed">
        {rows.map(({ name, reason }) => (
          <li key={name}>
            <div className="grow">
              <b className="breakable">{name}</b>
              <p className="small breakable">{reason}</p>
            </div>
            {mayChange(session) && name ? (
              <div className="row tight nowrap-row">
                <Button small busy={busy} onClick={() => void choose(name, "replace")}>
                  Take the new one
                </Button>
                <Button small look="quiet" busy={busy} onClick={() => void choose(name, "ignore")}>
                  Keep the old one
                </Button>
              </div>
            ) : null}
          </li>
        ))}
      </ul>
    </section>
  );
}
