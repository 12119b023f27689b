import { useQuery } from "@tanstack/react-query";
import { api } from "../../api/client";
import { keys } from "../../api/queries";
import type { ServerState } from "../../api/types";
import { useMe } from "../../lib/me";

/** The server as it is now; nothing for readers of a share link. */
export function useServer() {
  const me = useMe();
  return useQuery({
    queryKey: keys.server,
    queryFn: () => api.get<ServerState>("/server"),
    refetchInterval: 10_000,
    enabled: me.user_id !== null,
  });
}
