import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, isGone } from "../../api/client";
import { keys } from "../../api/queries";
import type { SessionView } from "../../api/types";
import { useSettings } from "../../settings/use-settings";
import { Boundary, type Part, part } from "../../ui/boundary";
import { Empty, ErrorNote, Note, Waiting } from "../../ui/feedback";
import { Link } from "../../ui/link";
import { SessionHead } from "./session-head";
import { isTab, type Tab } from "./tabs";
import { useAhead } from "./use-ahead";
import { useStrip } from "./use-strip";

export interface SessionTabProps {
  session: SessionView;
}

const PAGES: Record<Tab, Part<SessionTabProps>> = {
  operation: part("The Operation tab", () => import("./operation/operation-page")),
  plots: part("The Plots tab", () => import("./plots/plots-page")),
  table: part("The Table tab", () => import("./table/table-page")),
  gallery: part("The Gallery tab", () => import("./gallery/gallery-page")),
  micrographs: part("The Micrographs tab", () => import("./micrographs/micrographs-page")),
  classes: part("The 2D Classes tab", () => import("./classes/classes-page")),
  exports: part("The Exports tab", () => import("./exports/exports-page")),
  settings: part("The Settings tab", () => import("./settings/settings-page")),
  logs: part("The Logs tab", () => import("./logs/logs-page")),
};

export default function SessionPage({ id, tab }: { id: number; tab: string }) {
  const session = useQuery({
    queryKey: keys.part(id, "info"),
    queryFn: () => api.get<SessionView>(`/sessions/${id}`),
    refetchInterval: ({ state }) => (state.data?.life === "deleting" && !isGone(state.error) ? 2000 : false),
  });
  // Asked for at once, not only when the session is known: the first numbers come a round trip sooner.
  useStrip(id);
  useSettings(id);
  const shown = isTab(tab) ? tab : "operation";
  useAhead(id, shown);
  useEffect(() => PAGES[shown].ahead(), [shown]);
  useEffect(() => {
    document.title = session.data ? `${session.data.name} – Frazil` : "Frazil";
    return () => {
      document.title = "Frazil";
    };
  }, [session.data]);
  if (isGone(session.error)) {
    return (
      <div className="page">
        <Empty title={`There is no session S${id}`} action={<Link to="/sessions">All sessions</Link>}>
          It was deleted, or it belongs to a group that you are not in.
        </Empty>
      </div>
    );
  }
  if (!session.data) {
    return (
      <div className="page">
        {session.error ? (
          <ErrorNote error={session.error} retry={() => void session.refetch()} />
        ) : (
          <Waiting />
        )}
      </div>
    );
  }
  const Page = PAGES[shown];
  return (
    <>
      <Boundary what="The head of the session" box="page">
        <SessionHead session={session.data} tab={shown} />
      </Boundary>
      <div className="page">
        {session.data.folder_problem ? (
          <Note tone="bad" live>
            The session's folder is away: {session.data.folder_problem}. Its tracks wait and go on by
            themselves when it is back.
          </Note>
        ) : null}
        <Page key={shown} session={session.data} />
      </div>
    </>
  );
}
