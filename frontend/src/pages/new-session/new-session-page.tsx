import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api } from "../../api/client";
import { keys } from "../../api/queries";
import type { SessionView } from "../../api/types";
import { navigate, useParam } from "../../lib/router";
import { GainCheckPanel } from "../../settings/gain-check";
import { withLabels } from "../../settings/labels";
import { MicroscopeSays, proposalRemarks, useMicroscopeSays } from "../../settings/microscope-says";
import { missing } from "../../settings/missing";
import { RestoredNote } from "../../settings/restored-note";
import { SettingsForm } from "../../settings/settings-form";
import { SourceCheck } from "../../settings/source-check";
import { useStaged } from "../../settings/staged";
import { useSchema } from "../../settings/use-settings";
import { changesOf, merged, type Typed } from "../../settings/values";
import { WarpCheck } from "../../settings/warp-check";
import { Button } from "../../ui/button";
import { ErrorNote, Note, toast, Waiting } from "../../ui/feedback";

export default function NewSessionPage() {
  const client = useQueryClient();
  const schema = useSchema();
  const [tab, setTab] = useParam("tab", "session");
  const { staged, set, forget } = useStaged(0);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const infos = schema.data;
  const { values, errors } = useMemo(() => changesOf(infos ?? [], {}, staged), [infos, staged]);
  const all = useMemo(() => merged(infos ?? [], {}, staged), [infos, staged]);
  const open = missing(all);
  const says = useMicroscopeSays(infos ?? [], {}, staged, Boolean(infos));
  const stage = (name: string, typed: Typed | undefined) => set(name, typed, 0);
  const proposed = <MicroscopeSays says={says} onTake={stage} />;
  const elsewhere = <MicroscopeSays says={says} onTake={stage} quiet />;
  const create = async () => {
    setBusy(true);
    setError(null);
    try {
      const made = await api.post<SessionView & { warnings?: string[] }>("/sessions", { values });
      for (const warning of made.warnings ?? []) toast(warning, "warn");
      forget();
      void client.invalidateQueries({ queryKey: keys.sessions });
      navigate(`/sessions/${made.id}/operation`);
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="page">
      <div className="row apart">
        <h1>New session</h1>
        <div className="row tight">
          <Button
            onClick={() => {
              forget();
              navigate("/sessions");
            }}
          >
            Cancel
          </Button>
          <Button
            look="primary"
            busy={busy}
            disabled={!infos || Object.keys(errors).length > 0}
            onClick={() => void create()}
          >
            Save
          </Button>
        </div>
      </div>
      <ErrorNote error={error ?? schema.error} words={(text) => withLabels(text, infos ?? [])} />
      <RestoredNote session={0} names={(infos ?? []).map((info) => info.name)} />
      {infos && open.length ? (
        <Note>
          Still to be said before pre-processing can start:{" "}
          {open.map(({ name, what, tab: place }, index) => (
            <span key={name}>
              {index ? ", " : ""}
              <button type="button" className="text-button" onClick={() => setTab(place)}>
                {what}
              </button>
            </span>
          ))}
          . The session can be saved without them.
        </Note>
      ) : null}
      {infos ? (
        <section className="panel">
          <SettingsForm
            schema={infos}
            saved={{}}
            staged={staged}
            tab={tab}
            onTab={setTab}
            onChange={stage}
            remarks={{
              ...proposalRemarks(says),
              source_path: <SourceCheck values={all} />,
              warp_folder: <WarpCheck values={all} />,
            }}
            extra={{ gain: elsewhere, microscope: elsewhere }}
            below={{
              image_data: proposed,
              gain: <GainCheckPanel values={all} onTake={stage} />,
            }}
          />
        </section>
      ) : (
        <Waiting />
      )}
    </div>
  );
}
