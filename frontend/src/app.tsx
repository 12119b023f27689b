import { QueryClientProvider, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { ApiError, api, onLoggedOut } from "./api/client";
import { LiveProvider } from "./api/live";
import { keys, makeQueryClient } from "./api/queries";
import type { Me } from "./api/types";
import { Frame } from "./frame";
import { MeContext } from "./lib/me";
import { match, navigate, usePath } from "./lib/router";
import { LoginPage } from "./pages/login";
import { SessionsPage } from "./pages/sessions/sessions-page";
import { Boundary, part } from "./ui/boundary";
import { Empty, ErrorNote, Toasts, Waiting } from "./ui/feedback";
import { Link } from "./ui/link";

const SessionPage = part("The session", () => import("./pages/session/session-page"), "page");
const NewSessionPage = part(
  "The page of a new session",
  () => import("./pages/new-session/new-session-page"),
  "page",
);
const PeoplePage = part("The list of users and groups", () => import("./pages/people/people-page"), "page");
const ProfilePage = part("Your profile", () => import("./pages/profile/profile-page"), "page");
const ServerPage = part("The page of the server", () => import("./pages/server/server-page"), "page");

const ASK_AGAIN_MS = 3000;

export function App() {
  const [client] = useState(makeQueryClient);
  return (
    <QueryClientProvider client={client}>
      <Who />
      <Toasts />
    </QueryClientProvider>
  );
}

/** Asks who is looking; shows the login page until that is known. */
function Who() {
  const client = useQueryClient();
  const me = useQuery({
    queryKey: keys.me,
    queryFn: () => api.get<Me>("/me"),
    staleTime: Number.POSITIVE_INFINITY,
    // A server that is away comes back; one that knows nobody waits for a login.
    refetchInterval: ({ state }) => (state.error && !isUnknown(state.error) ? ASK_AGAIN_MS : false),
  });
  useEffect(() => {
    // On its way while the server says who is looking.
    if (match("/sessions/:id/:tab", window.location.pathname)) SessionPage.ahead();
  }, []);
  useEffect(() => onLoggedOut(() => void client.invalidateQueries({ queryKey: keys.me })), [client]);
  if (isUnknown(me.error)) {
    return <LoginPage onLogin={() => client.resetQueries()} />;
  }
  if (!me.data) {
    return (
      <main className="login">
        {me.error ? (
          <ErrorNote error={me.error} retry={() => void me.refetch()} />
        ) : (
          <Waiting what="Connecting" />
        )}
      </main>
    );
  }
  return (
    <MeContext.Provider value={me.data}>
      <Rooms />
    </MeContext.Provider>
  );
}

function isUnknown(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

function Rooms() {
  const path = usePath();
  const room = match("/sessions/:id/:tab", path) ?? match("/sessions/:id", path);
  const id = room && /^\d+$/.test(room.id ?? "") ? Number(room.id) : undefined;
  useEffect(() => {
    if (path === "/") navigate("/sessions", { replace: true });
  }, [path]);
  return (
    <LiveProvider session={id}>
      <Frame>
        <Boundary key={id ?? path} what="This page" box="page">
          {id === undefined ? <Room path={path} /> : <SessionPage id={id} tab={room?.tab ?? "operation"} />}
        </Boundary>
      </Frame>
    </LiveProvider>
  );
}

function Room({ path }: { path: string }) {
  if (path === "/" || match("/sessions", path)) return <SessionsPage />;
  if (match("/sessions/new", path)) return <NewSessionPage />;
  if (match("/people", path)) return <PeoplePage />;
  if (match("/profile", path)) return <ProfilePage />;
  if (match("/server", path)) return <ServerPage />;
  return (
    <div className="page">
      <Empty title="There is nothing at this address" action={<Link to="/sessions">All sessions</Link>}>
        The link may be old, or mistyped.
      </Empty>
    </div>
  );
}
