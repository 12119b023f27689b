import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import { keys } from "../api/queries";
import type { SettingInfo, Values } from "../api/types";

export interface SavedSettings {
  revision: number;
  saved_by: string;
  saved_at: number;
  /** All values, defaults included. */
  values: Values;
  /** Names of those that differ from the default. */
  changed: string[];
  /** Settings that do nothing, with the reason. */
  not_used: Record<string, string>;
  /** What "auto" came to, where that is known. */
  effective?: Values;
}

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
