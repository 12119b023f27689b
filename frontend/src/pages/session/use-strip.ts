import { useQuery } from "@tanstack/react-query";
import { api } from "../../api/client";
import { keys } from "../../api/queries";
import type { StripNumbers } from "../../api/types";

/** The numbers of the strip; asked for once, whoever shows them. */
export function useStrip(session: number) {
  return useQuery({
    queryKey: keys.part(session, "strip"),
    queryFn: () => api.get<StripNumbers>(`/sessions/${session}/strip`),
    refetchInterval: 30_000,
  });
}
