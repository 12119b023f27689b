import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, url } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { SessionView } from "../../../api/types";
import { bytes, clock, count, duration, plural } from "../../../lib/format";
import { mayChange } from "../../../lib/me";
import { useAction } from "../../../lib/use-action";
import { Button } from "../../../ui/button";
import { CopyText } from "../../../ui/copy-text";
import { Dialog } from "../../../ui/dialog";
import { Badge, ErrorNote, Progress } from "../../../ui/feedback";
import { Icon } from "../../../ui/icon";
import { Picture } from "../../../ui/picture";
import { ExportLog } from "./export-log";
import { countsText, type ExportJob, FORMATS, isGoing, TONES } from "./types";

/** One export: how far it is, or where it is and what it holds. */
export function ExportCard({ session, job }: { session: SessionView; job: ExportJob }) {
  const [asked, setAsked] = useState<"log" | "delete" | null>(null);
  const client = useQueryClient();
  const action = useAction();
  const path = `/sessions/${session.id}/exports/${job.number}`;
  const act = (work: () => Promise<unknown>) =>
    action.run(async () => {
      await work();
      await client.invalidateQueries({ queryKey: keys.part(session.id, "exports") });
    });
  const format = FORMATS.find(([value]) => value === job.request.format)?.[1] ?? job.request.format;
  const overlay = job.state === "done" ? job.result.overlays?.[0] : undefined;
  const may = mayChange(session);
  return (
    <article className="panel export-card" aria-label={`Export ${job.name}`}>
      <div className="stack grow">
        <div className="row apart">
          <h2 className="row tight">
            {job.name} <Badge tone={TONES[job.state]}>{job.state}</Badge>
          </h2>
          <span className="muted small">
            {format}, {clock(job.created_at)} by {job.created_by}
            {job.ended_at && job.started_at ? `, took ${duration(job.ended_at - job.started_at)}` : ""}
          </span>
        </div>
        {job.state === "running" ? (
          <>
            <Progress value={job.fraction ?? 0} label={`Export ${job.name}`} />
            <p className="muted small">{job.doing}…</p>
          </>
        ) : null}
        {job.reason ? <ErrorNote error={new Error(job.reason)} /> : null}
        {job.state === "done" ? (
          <>
            <p>
              {countsText(job.result.counts, count)}; {bytes(job.result.bytes)} in{" "}
              {plural(job.result.files, "file")}
            </p>
            <CopyText text={job.path} />
          </>
        ) : null}
        {job.result.notes?.length ? (
          <ul className="small muted">
            {job.result.notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        ) : null}
        <div className="row tight">
          {job.state === "done" ? (
            <a className="button small" href={url(`${path}/download`)} download>
              <Icon name="download" />
              Download as tar
            </a>
          ) : null}
          <Button small icon="list" onClick={() => setAsked("log")}>
            Log
          </Button>
          {may && isGoing(job) ? (
            <Button
              small
              icon="stop"
              busy={action.busy}
              onClick={() => void act(() => api.post(`${path}/cancel`))}
            >
              Cancel
            </Button>
          ) : null}
          {may && job.state === "failed" ? (
            <Button
              small
              icon="restart"
              busy={action.busy}
              onClick={() => void act(() => api.post(`${path}/retry`))}
            >
              Try again
            </Button>
          ) : null}
          {may && !isGoing(job) ? (
            <Button small look="danger" icon="trash" onClick={() => setAsked("delete")}>
              Delete
            </Button>
          ) : null}
        </div>
        <ErrorNote error={action.error} />
      </div>
      {overlay ? (
        <Picture
          className="export-overlay"
          src={url(`${path}/${overlay}`)}
          alt={`Exported coordinates on ${overlay.replace(/^.*\/|\.jpg$/g, "")}`}
        />
      ) : null}
      {asked === "log" ? <ExportLog session={session} job={job} onClose={() => setAsked(null)} /> : null}
      {asked === "delete" ? (
        <Dialog
          title={`Delete export ${job.name}`}
          onClose={() => setAsked(null)}
          onSubmit={() => void act(() => api.delete(path)).then((done) => done && setAsked(null))}
          foot={
            <>
              <Button onClick={() => setAsked(null)}>Keep it</Button>
              <Button look="danger primary" type="submit" busy={action.busy}>
                Delete
              </Button>
            </>
          }
        >
          <p>Its folder is deleted, never what it links to: the session keeps all its files.</p>
          <ErrorNote error={action.error} />
        </Dialog>
      ) : null}
    </article>
  );
}
