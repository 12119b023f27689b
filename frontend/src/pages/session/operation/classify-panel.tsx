import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, api, errorText } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { SessionView, Track } from "../../../api/types";
import { mayChange } from "../../../lib/me";
import { useAutoTexts } from "../../../settings/auto-values";
import { withLabels } from "../../../settings/labels";
import { RestoredNote } from "../../../settings/restored-note";
import { Fields } from "../../../settings/settings-form";
import { useStaged } from "../../../settings/staged";
import { useSchema, useSettings } from "../../../settings/use-settings";
import { changesOf, merged } from "../../../settings/values";
import { Button, Segments } from "../../../ui/button";
import { Badge, Note, toast, toastError } from "../../../ui/feedback";
import { MODE_LABEL } from "./track-state";

const MODES = Object.entries(MODE_LABEL);

const USER = new Set(["mode", "mask_radius_a"]);

/** Mode and buttons of 2D classification; what is typed is sent by a start button only. */
export function ClassifyPanel({ session, track }: { session: SessionView; track: Track }) {
  const client = useQueryClient();
  const schema = useSchema();
  const saved = useSettings(session.id);
  const { staged, base, set, forget } = useStaged(session.id);
  const [busy, setBusy] = useState("");
  const auto = useAutoTexts(session, merged(schema.data ?? [], saved.data?.values ?? {}, staged));
  if (!schema.data || !saved.data) return null;
  const infos = schema.data.filter((info) => info.tab === "classification");
  const { revision, values: current } = saved.data;
  const all = merged(infos, current, staged);
  const { values, errors } = changesOf(infos, current, staged);
  const changed = Object.keys(values).length;
  const wrong = Object.keys(errors).length > 0;
  const changeable = mayChange(session);
  const streaming = all.mode === "streaming";
  const atWork = track.state === "running" && track.details?.jobs === "running";
  const send = async (action: "start-job" | "start-automatic" | "stop", said: string) => {
    setBusy(action);
    try {
      const body = action === "stop" ? {} : { values, base_revision: base ?? revision };
      await api.post(`/sessions/${session.id}/classify2d/${action}`, body);
      toast(said);
      if (action !== "stop") forget(infos.map((info) => info.name));
      await client.invalidateQueries({ queryKey: keys.session(session.id) });
    } catch (error) {
      if (error instanceof ApiError && error.status === 409) {
        void client.invalidateQueries({ queryKey: keys.part(session.id, "settings") });
      }
      toast(withLabels(errorText(error), infos), "bad");
    } finally {
      setBusy("");
    }
  };
  const ask = async (what: "keep" | "final") => {
    setBusy(what);
    try {
      if (what === "keep") await api.post(`/sessions/${session.id}/classify2d/keep`);
      else await api.post(`/sessions/${session.id}/tracks/classify2d/stop`, { final_pass: true });
      toast(what === "keep" ? "An update follows the present batch" : "It stops after a final pass");
      await client.invalidateQueries({ queryKey: keys.part(session.id, "tracks") });
    } catch (error) {
      toastError(error);
    } finally {
      setBusy("");
    }
  };
  const fields = (wanted: boolean) => (
    <Fields
      schema={infos}
      infos={infos.filter((info) => USER.has(info.name) === wanted && info.name !== "mode")}
      saved={current}
      staged={staged}
      notUsed={saved.data?.not_used ?? {}}
      remarks={auto}
      disabled={!changeable}
      onChange={(name, typed) => set(name, typed, revision)}
    />
  );
  return (
    <section className="stack" aria-label="Jobs of 2D classification">
      <div className="row">
        <Segments
          label="Classification type"
          value={String(all.mode)}
          choices={MODES}
          disabled={!changeable}
          onChange={(mode) => set("mode", mode === current.mode ? undefined : mode, revision)}
        />
        {changeable ? (
          <div className="row tight">
            <Button
              icon="play"
              look="primary"
              busy={busy === "start-job"}
              disabled={wrong || track.state === "stopping" || atWork}
              title={atWork ? "A job runs; stop it first, or let it end" : undefined}
              onClick={() => void send("start-job", streaming ? "Streaming starts" : "A job is starting")}
            >
              Start job now
            </Button>
            <Button
              icon="restart"
              busy={busy === "start-automatic"}
              disabled={wrong || track.state === "stopping" || streaming}
              title={streaming ? "Streaming needs no jobs: it classifies particles as they come" : undefined}
              onClick={() => void send("start-automatic", "Jobs start by themselves from now on")}
            >
              Start automatic jobs
            </Button>
            <Button
              icon="stop"
              busy={busy === "stop"}
              disabled={track.state === "stopped"}
              onClick={() => void send("stop", "It stops after the present cycle")}
            >
              Stop all jobs
            </Button>
            {current.mode === "streaming" && track.state === "running" ? (
              <>
                <Button
                  icon="plus"
                  busy={busy === "keep"}
                  title="Write the classes as they are now into the history"
                  onClick={() => void ask("keep")}
                >
                  Keep
                </Button>
                <Button
                  icon="stop"
                  busy={busy === "final"}
                  title="Visit every particle once more, write the last update, then stop; takes minutes with many particles"
                  onClick={() => void ask("final")}
                >
                  Stop after a final pass
                </Button>
              </>
            ) : null}
            {changed ? (
              <>
                <Badge tone="warn">{changed} not sent</Badge>
                <Button onClick={() => forget(Object.keys(values))}>Undo changes</Button>
              </>
            ) : null}
          </div>
        ) : null}
      </div>
      <RestoredNote session={session.id} names={infos.map((info) => info.name)} />
      {base !== null && base !== revision && changed ? (
        <Note tone="warn" live>
          {saved.data.saved_by} changed the settings in between (revision {revision}); see the Settings tab.
        </Note>
      ) : null}
      <details className="settings-fold">
        <summary>User settings</summary>
        {fields(true)}
      </details>
      <details className="settings-fold">
        <summary>Expert settings</summary>
        {fields(false)}
      </details>
      {changed ? (
        <p className="small muted">Changed fields stay in this browser until a start button sends them.</p>
      ) : null}
    </section>
  );
}
