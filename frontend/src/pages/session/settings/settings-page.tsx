import { useState } from "react";
import { clock, plural } from "../../../lib/format";
import { mayChange } from "../../../lib/me";
import { useParam } from "../../../lib/router";
import { fixedByWarp } from "../../../settings/applies";
import { useAutoTexts } from "../../../settings/auto-values";
import { GainCheckPanel } from "../../../settings/gain-check";
import { MicroscopeSays, proposalRemarks, useMicroscopeSays } from "../../../settings/microscope-says";
import { RestoredNote } from "../../../settings/restored-note";
import { SettingsForm } from "../../../settings/settings-form";
import { SourceCheck } from "../../../settings/source-check";
import { useStaged } from "../../../settings/staged";
import { useSchema, useSettings } from "../../../settings/use-settings";
import { changesOf, merged, type Typed } from "../../../settings/values";
import { Button } from "../../../ui/button";
import { ErrorNote, Note, Waiting } from "../../../ui/feedback";
import type { SessionTabProps } from "../session-page";
import { ChangedElsewhere } from "./changed-elsewhere";
import { IdentityPanel } from "./identity-panel";
import { RevisionsDialog } from "./revisions-dialog";
import { SaveDialog } from "./save-dialog";
import { SendTest } from "./send-test";
import { TestDialog } from "./test-dialog";

/** Tabs with settings that the microscope's side files may tell. */
const WITH_PROPOSALS: ReadonlySet<string> = new Set(["image_data", "gain", "microscope"]);

export default function SettingsPage({ session }: SessionTabProps) {
  const schema = useSchema();
  const saved = useSettings(session.id);
  const { staged, base, set, forget } = useStaged(session.id);
  const [tab, setTab] = useParam("tab", "image_data");
  const [open, setOpen] = useState<"save" | "test" | "history" | null>(null);
  const changeable = mayChange(session);
  const says = useMicroscopeSays(
    schema.data ?? [],
    saved.data?.values ?? {},
    staged,
    changeable && Boolean(schema.data && saved.data) && WITH_PROPOSALS.has(tab),
  );
  const auto = useAutoTexts(session, merged(schema.data ?? [], saved.data?.values ?? {}, staged));
  if (!schema.data || !saved.data) {
    return schema.error || saved.error ? <ErrorNote error={schema.error ?? saved.error} /> : <Waiting />;
  }
  const infos = schema.data.filter((info) => !info.session_value && !info.fixed_at_creation);
  const { revision, values: current } = saved.data;
  const { values, errors } = changesOf(infos, current, staged);
  const changed = Object.keys(values).length;
  const wrong = Object.keys(errors).length;
  const stage = (name: string, typed: Typed | undefined) => set(name, typed, revision);
  const proposed = <MicroscopeSays says={says} onTake={stage} />;
  const elsewhere = <MicroscopeSays says={says} onTake={stage} quiet />;
  return (
    <div className="stack">
      <div className="row apart">
        <p className="muted">
          Revision <b className="number">{revision}</b>, saved by {saved.data.saved_by},{" "}
          {clock(saved.data.saved_at)}
        </p>
        <div className="row tight">
          <Button onClick={() => setOpen("history")}>Earlier revisions</Button>
          {changeable ? (
            <>
              <Button disabled={!changed || wrong > 0} onClick={() => setOpen("test")}>
                Test on one movie
              </Button>
              <Button disabled={!changed && !wrong} onClick={() => forget()}>
                Undo changes
              </Button>
              <Button look="primary" disabled={!changed || wrong > 0} onClick={() => setOpen("save")}>
                Save{changed ? ` ${plural(changed, "change")}` : ""}
              </Button>
            </>
          ) : null}
        </div>
      </div>
      {changeable ? null : (
        <Note>
          {session.life === "archived"
            ? "The session is archived: its settings can't be changed."
            : "You may look at the settings; changing them needs an operator of the group."}
        </Note>
      )}
      <RestoredNote session={session.id} names={infos.map((info) => info.name)} />
      <ChangedElsewhere session={session} base={base} newest={saved.data} staged={staged} />
      <section className="panel">
        <SettingsForm
          schema={infos}
          saved={current}
          staged={staged}
          notUsed={saved.data.not_used}
          fixed={fixedByWarp(current)}
          tab={tab}
          onTab={setTab}
          onChange={stage}
          disabled={!changeable}
          remarks={
            changeable
              ? {
                  ...auto,
                  ...proposalRemarks(says),
                  source_path: <SourceCheck values={merged(infos, current, staged)} />,
                }
              : auto
          }
          below={{
            image_data: proposed,
            gain: changeable ? (
              <GainCheckPanel values={merged(infos, current, staged)} onTake={stage} />
            ) : null,
          }}
          extra={{
            gain: elsewhere,
            microscope: elsewhere,
            session: <IdentityPanel session={session} />,
            notifications: changeable ? (
              <SendTest session={session} values={merged(infos, current, staged)} />
            ) : null,
          }}
        />
      </section>
      {open === "save" ? (
        <SaveDialog
          session={session}
          schema={infos}
          values={values}
          base={base ?? revision}
          onClose={() => setOpen(null)}
          onSaved={() => {
            forget(Object.keys(values));
            setOpen(null);
          }}
        />
      ) : null}
      {open === "test" ? (
        <TestDialog session={session} values={values} onClose={() => setOpen(null)} />
      ) : null}
      {open === "history" ? (
        <RevisionsDialog
          session={session}
          schema={infos}
          onClose={() => setOpen(null)}
          onTake={
            changeable
              ? (typed) => Object.entries(typed).map(([name, value]) => set(name, value, revision))
              : null
          }
          current={current}
        />
      ) : null}
    </div>
  );
}
