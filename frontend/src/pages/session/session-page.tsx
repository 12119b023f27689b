import { useQuery } from "@tanstack/react-query";
import { type ComponentType, lazy, Suspense, useEffect } from "react";
import { ApiError, api } from "../../api/client";
import { keys } from "../../api/queries";
import type { SessionView } from "../../api/types";
import { patiently } from "../../lib/patient";
import { useSettings } from "../../settings/use-settings";
import { Empty, ErrorNote, Waiting } from "../../ui/feedback";
import { Link } from "../../ui/link";
import { SessionHead } from "./session-head";
import { isTab, type Tab } from "./tabs";
import { useStrip } from "./use-strip";

export interface SessionTabProps {
  session: SessionView;
}

const PAGES: Record<Tab, ComponentType<SessionTabProps>> = {
  operation: lazy(() => patiently(() => import("./operation/operation-page"))),
  plots: lazy(() => patiently(() => import("./plots/plots-page"))),
  table: lazy(() => patiently(() => import("./table/table-page"))),
  gallery: lazy(() => patiently(() => import("./gallery/gallery-page"))),
  micrographs: lazy(() => patiently(() => import("./micrographs/micrographs-page"))),
  classes: lazy(() => patiently(() => import("./classes/classes-page"))),
  exports: lazy(() => patiently(() => import("./exports/exports-page"))),
  settings: lazy(() => patiently(() => import("./settings/settings-page"))),
  logs: lazy(() => patiently(() => import("./logs/logs-page"))),
};

export default function SessionPage({ id, tab }: { id: number; tab: string }) {
  const session = useQuery({
    queryKey: keys.part(id, "info"),
    queryFn: () => api.get<SessionView>(`/sessions/${id}`),
    refetchInterval: ({ state }) => (state.data?.life === "deleting" ? 2000 : false),
  });
  // Asked for at once, not only when the session is known: the first numbers come a round trip sooner.
  useStrip(id);
  useSettings(id);
  useEffect(() => {
    document.title = session.data ? `${session.data.name} – Frazil` : "Frazil";
    return () => {
      document.title = "Frazil";
    };
  }, [session.data]);
  if (session.error instanceof ApiError && session.error.status === 404) {
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
  const Page = PAGES[isTab(tab) ? tab : "operation"];
  return (
    <>
      <SessionHead session={session.data} tab={isTab(tab) ? tab : "operation"} />
      <div className="page">
        <Suspense fallback={<Waiting />}>
          <Page session={session.data} />
        </Suspense>
      </div>
    </>
  );
}
