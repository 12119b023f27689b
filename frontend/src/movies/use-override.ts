import { useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { api } from "../api/client";
import { keys } from "../api/queries";
import { toastError } from "../ui/feedback";

export type Override = "auto" | "include" | "exclude";

/** Include or exclude a movie by hand; the same again leaves it to the filter. */
export function useOverride(session: number): (name: string, override: Override) => Promise<void> {
  const client = useQueryClient();
  return useCallback(
    async (name, override) => {
      try {
        await api.patch(`/sessions/${session}/movies/${name}`, { override });
        await Promise.all(
          ["movies", "movie", "columns"].map((part) =>
            client.invalidateQueries({ queryKey: keys.part(session, part) }),
          ),
        );
      } catch (error) {
        toastError(error);
      }
    },
    [client, session],
  );
}
