import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { keys } from "../../api/queries";
import type { components } from "../../api/schema";
import type { SessionView } from "../../api/types";
import { FileField } from "../../files/file-field";
import { bytes, plural } from "../../lib/format";
import { useAction } from "../../lib/use-action";
import { Button, Segments } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { ErrorNote, Note, toast } from "../../ui/feedback";
import { CheckField, TextField } from "../../ui/field";

type Preview = components["schemas"]["RelocationPreview"];

const WHAT = [
  ["stay", "Stay here"],
  ["move", "Move to"],
  ["copy", "Copy to"],
] as const;
type What = (typeof WHAT)[number][0];

const SUBMIT: Record<What, string> = { stay: "Archive", move: "Move", copy: "Copy" };
const WORDS: Record<What, string> = {
  stay: "The session becomes read-only. No file is moved or removed.",
  move: "Every file is copied, read back and compared; then the server works with the new folder, and the old one is removed. Within one file system the folder only gets another name.",
  copy: "Every file is copied, read back and compared. The session stays where it is; another server can adopt the copy.",
};

/** Make a session read-only, and move or copy it to another disk. */
export function ArchiveDialog({ session, onClose }: { session: SessionView; onClose: () => void }) {
  const client = useQueryClient();
  const action = useAction();
  const [what, setWhat] = useState<What>("stay");
  const [parent, setParent] = useState("");
  const [name, setName] = useState(session.folder.slice(session.folder.lastIndexOf("/") + 1));
  const [archive, setArchive] = useState(true);
  const folder = `${parent.replace(/\/+$/, "")}/${name.trim()}`;
  const given = what !== "stay" && parent.startsWith("/") && name.trim() !== "";
  const preview = useQuery({
    queryKey: keys.part(session.id, "relocation", "preview", folder, what),
    queryFn: () => api.post<Preview>(`/sessions/${session.id}/relocation/preview`, { folder, mode: what }),
    enabled: given,
    staleTime: 0,
  });
  const possible = what === "stay" || (given && preview.data?.problems.length === 0);
  const submit = async () => {
    const path = `/sessions/${session.id}`;
    const done = await action.run(() =>
      what === "stay"
        ? api.post(`${path}/archive`)
        : api.post(`${path}/relocation`, { folder, mode: what, archive }),
    );
    if (!done) return;
    toast(what === "stay" ? `${session.name} is archived` : `${session.name} is on its way to ${folder}`);
    void client.invalidateQueries({ queryKey: keys.sessions });
    void client.invalidateQueries({ queryKey: keys.session(session.id) });
    onClose();
  };
  return (
    <Dialog
      title={`Archive or move ${session.name}`}
      onClose={onClose}
      onSubmit={() => possible && void submit()}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" icon="archive" busy={action.busy} disabled={!possible}>
            {SUBMIT[what]}
          </Button>
        </>
      }
    >
      <div className="stack">
        <Segments label="What to do" value={what} choices={WHAT} onChange={setWhat} />
        <p>{WORDS[what]}</p>
        <p className="muted">
          While it is read-only no track can start and settings can't be changed; everything can be looked at
          and downloaded. All tracks must be stopped.
        </p>
        {what === "stay" ? null : (
          <>
            <FileField label="Into this folder" choose="folder" value={parent} onChange={setParent} />
            <TextField label="Called" value={name} maxLength={200} onChange={setName} />
            <CheckField label="Read-only afterwards" checked={archive} onChange={setArchive} />
          </>
        )}
        {given && preview.data ? <PreviewNote preview={preview.data} /> : null}
        <ErrorNote error={action.error ?? (given ? preview.error : null)} />
      </div>
    </Dialog>
  );
}

function PreviewNote({ preview }: { preview: Preview }) {
  if (preview.problems.length) return <Note tone="warn">{preview.problems.join("; ")}.</Note>;
  return (
    <Note tone="good">
      {plural(preview.files, "file")}, {bytes(preview.bytes)}, {plural(preview.links, "link")}
      {preview.renames
        ? "; within one file system: nothing is copied"
        : preview.free_bytes === null
          ? ""
          : `; ${bytes(preview.free_bytes)} are free there`}
      .
    </Note>
  );
}
