import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import { keys } from "../api/queries";
import type { SavedSettings, SettingInfo } from "../api/types";

export function useSchema() {
  return useQuery({
    queryKey: ["settings-schema"],
    queryFn: () => api.get<SettingInfo[]>("/settings/schema"),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function useSettings(session: number) {
  return useQuery({
    queryKey: keys.part(session, "settings"),
    queryFn: () => api.get<SavedSettings>(`/sessions/${session}/settings`),
  });
}
