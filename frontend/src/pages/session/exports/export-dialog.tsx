import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { SessionView } from "../../../api/types";
import { count, plural } from "../../../lib/format";
import { useAction } from "../../../lib/use-action";
import type { Definition, NamedFilter } from "../../../movies/definition";
import { Button, Segments } from "../../../ui/button";
import { Dialog } from "../../../ui/dialog";
import { ErrorNote, Note } from "../../../ui/feedback";
import { CheckField, SelectField, TextField } from "../../../ui/field";
import { BoxesField, ClassesField, FewestField } from "./request-fields";
import {
  CONTENTS,
  type Content,
  type ExportJob,
  type ExportPreview,
  type ExportRequest,
  FORMATS,
  hasPlace,
} from "./types";

interface ExportDialogProps {
  session: SessionView;
  /** The filter that is applied where the dialog was opened; null: none. */
  where?: Definition | null;
  onClose: () => void;
  onStarted: () => void;
}

const FILES = [
  ["link", "Link"],
  ["copy", "Copy"],
  ["none", "Tables only"],
] as const;
const DEPTHS = [
  ["stored", "As stored"],
  ["float16", "Half precision"],
  ["float32", "Single precision (RELION 3.1)"],
] as const;
const FILES_HELP: Record<ExportRequest["files"], string> = {
  link: "Takes no space, and keeps the files as they are now.",
  copy: "A folder of its own that can be moved anywhere.",
  none: "Tables name the session's files where they are.",
};
const APPLIED = "\u0000applied";

/** What to export, told before it is made. */
export function ExportDialog({ session, where = null, onClose, onStarted }: ExportDialogProps) {
  const [request, setRequest] = useState<ExportRequest>({
    format: "relion",
    contents: ["micrographs", "picks", "particles", "classes"],
    classes: "all",
    files: "link",
    image_depth: "stored",
    fewest_per_optics_group: 1,
    recenter: false,
    where,
  });
  const [name, setName] = useState("");
  const client = useQueryClient();
  const action = useAction();
  const filters = useQuery({
    queryKey: keys.part(session.id, "filters"),
    queryFn: () => api.get<NamedFilter[]>(`/sessions/${session.id}/filters`),
  });
  const contents = request.contents.filter((content) => hasPlace(request.format, content));
  const cuts = request.format !== "csv" && contents.includes("particles");
  const wanted: ExportRequest = {
    ...request,
    contents,
    ...(cuts ? {} : { box_px: null, pixel_size_a: null, recenter: false }),
  };
  const preview = useQuery({
    queryKey: keys.part(session.id, "exports", "preview", wanted),
    queryFn: () => api.post<ExportPreview>(`/sessions/${session.id}/exports/preview`, wanted),
    enabled: contents.length > 0,
    staleTime: 0,
  });
  const change = (part: Partial<ExportRequest>) => setRequest((now) => ({ ...now, ...part }));
  const toggle = (content: Content, on: boolean) =>
    change({
      contents: CONTENTS.map(([value]) => value).filter((value) =>
        value === content ? on : request.contents.includes(value),
      ),
    });
  const possible = contents.length > 0 && preview.data !== undefined && !preview.data.problems.length;
  const submit = async () => {
    const made = await action.run(() =>
      api.post<ExportJob>(`/sessions/${session.id}/exports`, { name: name.trim() || null, request: wanted }),
    );
    if (!made) return;
    await client.invalidateQueries({ queryKey: keys.part(session.id, "exports") });
    onClose();
    onStarted();
  };
  const hasImages = request.format === "relion" || request.format === "cryosparc";
  return (
    <Dialog
      title="New export"
      wide
      onClose={onClose}
      onSubmit={() => possible && void submit()}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" busy={action.busy} disabled={!possible}>
            Export
          </Button>
        </>
      }
    >
      <div className="stack">
        <SelectField
          label="For"
          value={request.format}
          choices={FORMATS}
          onChange={(value) => change({ format: value as ExportRequest["format"] })}
        />
        <fieldset className="row">
          <legend>Content</legend>
          {CONTENTS.filter(([value]) => hasPlace(request.format, value)).map(([value, label]) => (
            <CheckField
              key={value}
              label={label}
              checked={request.contents.includes(value)}
              onChange={(on) => toggle(value, on)}
            />
          ))}
        </fieldset>
        <SelectField
          label="Micrographs"
          value={request.filter_name ?? (request.where ? APPLIED : "")}
          choices={[
            ["", "All that are not excluded"],
            ...(where ? ([[APPLIED, "Those that the filter on the page keeps"]] as const) : []),
            ...(filters.data ?? []).map(
              (item) => [item.name, `Filter ${item.name} (${count(item.kept)})`] as const,
            ),
          ]}
          onChange={(value) =>
            change(
              value === APPLIED ? { filter_name: null, where } : { filter_name: value || null, where: null },
            )
          }
        />
        <ClassesField sessionId={session.id} request={request} onChange={change} />
        <FewestField
          value={request.fewest_per_optics_group}
          onChange={(fewest) => change({ fewest_per_optics_group: fewest })}
        />
        {hasImages ? (
          <>
            <div className="row">
              <Segments
                label="Files"
                value={request.files}
                choices={FILES}
                onChange={(files) => change({ files })}
              />
              <span className="muted small">{FILES_HELP[request.files]}</span>
            </div>
            {request.files === "none" ? null : (
              <SelectField
                label="Images"
                value={request.image_depth}
                choices={DEPTHS}
                onChange={(value) => change({ image_depth: value as ExportRequest["image_depth"] })}
              />
            )}
          </>
        ) : null}
        {cuts ? <BoxesField request={request} onChange={change} /> : null}
        <TextField
          label="Files at the same time"
          inputMode="numeric"
          value={request.threads ? String(request.threads) : ""}
          placeholder="as the session's settings say"
          onChange={(value) => {
            const threads = Number(value.replace(/\D/g, ""));
            change({ threads: threads >= 1 && threads <= 128 ? threads : null });
          }}
        />
        <TextField
          label="Memory at most, GB"
          inputMode="numeric"
          value={request.memory_gb ? String(request.memory_gb) : ""}
          placeholder="as the session's settings say"
          onChange={(value) => {
            const memory = Number(value.replace(/\D/g, ""));
            change({ memory_gb: memory >= 1 && memory <= 512 ? memory : null });
          }}
        />
        <TextField
          label="Give up after, minutes"
          help="An export has one worker of its own, beside those of the session."
          inputMode="numeric"
          value={request.walltime_min ? String(request.walltime_min) : ""}
          placeholder="as the session's settings say"
          onChange={(value) => {
            const minutes = Number(value.replace(/\D/g, ""));
            change({ walltime_min: minutes >= 1 && minutes <= 100_000 ? minutes : null });
          }}
        />
        <TextField
          label="Name of the folder"
          value={name}
          maxLength={80}
          placeholder="found by itself"
          onChange={setName}
        />
        <PreviewNote preview={contents.length ? preview.data : undefined} />
        <ErrorNote error={preview.error ?? action.error} />
      </div>
    </Dialog>
  );
}

function PreviewNote({ preview }: { preview: ExportPreview | undefined }) {
  if (!preview) return <Note>Choose what goes along.</Note>;
  if (preview.problems.length) return <Note tone="warn">{preview.problems.join("; ")}.</Note>;
  const ofClasses = preview.class_particles;
  return (
    <Note tone="good">
      {plural(preview.micrographs, "micrograph")}, {plural(preview.particles, "particle")}
      {ofClasses === null ? "" : `; in the chosen classes there are ${count(ofClasses)} in the whole session`}
      .{preview.notes.length ? ` ${preview.notes.join("; ")}.` : ""}
    </Note>
  );
}
