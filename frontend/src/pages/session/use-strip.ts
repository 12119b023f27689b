import { useQuery } from "@tanstack/react-query";
import { api, isGone } from "../../api/client";
import { keys } from "../../api/queries";
import type { StripNumbers } from "../../api/types";

/** The numbers of the strip; asked for once, whoever shows them. */
export function useStrip(session: number) {
  return useQuery({
    queryKey: keys.part(session, "strip"),
    queryFn: () => api.get<StripNumbers>(`/sessions/${session}/strip`),
    refetchInterval: ({ state }) => (isGone(state.error) ? false : 30_000),
  });
}
