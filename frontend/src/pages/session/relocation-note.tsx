import { useQuery } from "@tanstack/react-query";
import { api } from "../../api/client";
import { keys } from "../../api/queries";
import type { components } from "../../api/schema";
import type { SessionView } from "../../api/types";
import { bytes, count, plural } from "../../lib/format";
import { allows } from "../../lib/me";
import { useAction } from "../../lib/use-action";
import { Button } from "../../ui/button";
import { ErrorNote, Note } from "../../ui/feedback";

type Relocation = components["schemas"]["Relocation"];

const isGoing = (state: string | undefined) => state === "copying" || state === "removing";

/** How far a session is on its way to another folder, or why it did not get there; else nothing. */
export function RelocationNote({ session }: { session: SessionView }) {
  const action = useAction();
  const relocation = useQuery({
    queryKey: keys.part(session.id, "relocation"),
    queryFn: () => api.get<Relocation>(`/sessions/${session.id}/relocation`),
    // How far it is stands in a file that the server reads when it is asked.
    refetchInterval: ({ state }) => (isGoing(state.data?.state) ? 1000 : false),
  });
  const found = relocation.data;
  if (!found || !(isGoing(found.state) || (found.state === "failed" && found.reason))) return null;
  if (found.state === "failed")
    return (
      <Note tone="bad">
        Could not be {found.mode === "copy" ? "copied" : "moved"} to {found.target}: {found.reason}. The
        session is whole where it was; the same again goes on.
      </Note>
    );
  const cancel = async () => {
    await action.run(() => api.post(`/sessions/${session.id}/relocation/cancel`));
    void relocation.refetch();
  };
  return (
    <>
      <Note
        tone="busy"
        action={
          found.state === "copying" && allows(session.role, "owner") ? (
            <Button small busy={action.busy} onClick={() => void cancel()}>
              Cancel
            </Button>
          ) : null
        }
      >
        {found.state === "removing"
          ? `Lies in ${found.target} now; what was in ${found.source} is being removed.`
          : `Being ${found.mode === "copy" ? "copied" : "moved"} to ${found.target}${progressText(found)}.`}
      </Note>
      <ErrorNote error={action.error} />
    </>
  );
}

function progressText({ files, of_files, bytes: done, of_bytes }: Relocation): string {
  if (typeof of_bytes !== "number" || typeof done !== "number") return "";
  return `: ${count(files ?? 0)} of ${plural(of_files ?? 0, "file")}, ${bytes(done)} of ${bytes(of_bytes)}`;
}
