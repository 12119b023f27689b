import { useQuery } from "@tanstack/react-query";
import { api } from "../../api/client";
import { keys } from "../../api/queries";
import type { ServerState } from "./server-types";

export function useServer() {
  return useQuery({
    queryKey: keys.server,
    queryFn: () => api.get<ServerState>("/server"),
    refetchInterval: 10_000,
  });
}
