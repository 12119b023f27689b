import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { components } from "../../../api/schema";
import type { SessionView } from "../../../api/types";
import { clock, count, plural } from "../../../lib/format";
import { mayChange } from "../../../lib/me";
import { useAction } from "../../../lib/use-action";
import type { NamedFilter } from "../../../movies/definition";
import { ErrorNote } from "../../../ui/feedback";
import { CheckField, SelectField } from "../../../ui/field";
import { ClassesField, FewestField } from "./request-fields";
import type { ExportRequest } from "./types";

type LiveExport = components["schemas"]["LiveExport"];
type Counts = Record<string, { micrographs: number; particles: number }>;

/** Tables for RELION that follow the session. */
export function LivePanel({ session }: { session: SessionView }) {
  const client = useQueryClient();
  const action = useAction();
  const path = `/sessions/${session.id}/exports/live`;
  const live = useQuery({
    queryKey: keys.part(session.id, "exports", "live"),
    queryFn: () => api.get<LiveExport>(path),
  });
  const filters = useQuery({
    queryKey: keys.part(session.id, "filters"),
    queryFn: () => api.get<NamedFilter[]>(`/sessions/${session.id}/filters`),
  });
  if (!live.data) return <ErrorNote error={live.error} retry={() => void live.refetch()} />;
  const { enabled, request, result, folder, written_at, reason } = live.data;
  const key = keys.part(session.id, "exports", "live");
  // Shown at once; what the server answers takes its place, and what it refuses is taken back.
  const set = async (body: { enabled: boolean; request: ExportRequest }) => {
    const before = live.data;
    client.setQueryData(key, { ...before, ...body });
    const done = await action.run(async () => {
      client.setQueryData(key, await api.put<LiveExport>(path, body));
    });
    if (!done) client.setQueryData(key, before);
  };
  const selected = (result.counts as Counts | undefined)?.selected;
  const all = (result.counts as Counts | undefined)?.all;
  return (
    <section className="panel stack" aria-labelledby="live-title">
      <h2 id="live-title">Tables that follow the session</h2>
      <CheckField
        label="Keep RELION's tables current while the session goes on"
        checked={enabled}
        disabled={action.busy || !mayChange(session)}
        onChange={(on) => void set({ enabled: on, request })}
      />
      {enabled ? (
        <>
          <SelectField
            label="The selected ones are those of"
            value={request.filter_name ?? ""}
            choices={[
              ["", "no filter"],
              ...(filters.data ?? []).map((item) => [item.name, `filter ${item.name}`] as const),
            ]}
            onChange={(value) => void set({ enabled, request: { ...request, filter_name: value || null } })}
          />
          <ClassesField
            sessionId={session.id}
            request={request}
            onChange={(part) => void set({ enabled, request: { ...request, ...part } })}
          />
          <FewestField
            value={request.fewest_per_optics_group}
            onChange={(fewest) =>
              void set({ enabled, request: { ...request, fewest_per_optics_group: fewest } })
            }
          />
          <p className="small muted breakable">
            {all && selected
              ? `${plural(all.particles, "particle")} in live_all, ${count(selected.particles)} in live_selected, written ${clock(written_at)}; in ${folder}`
              : `They appear in ${folder} within a minute.`}
          </p>
        </>
      ) : null}
      <ErrorNote error={action.error ?? (reason ? new Error(reason) : null)} />
    </section>
  );
}
