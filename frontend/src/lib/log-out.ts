import { useQueryClient } from "@tanstack/react-query";
import { api } from "../api/client";
import { forgetAllStaged } from "../settings/staged";
import { toastError } from "../ui/feedback";

/** End the login of this browser; nothing that was read or typed stays in it. */
export function useLogOut(): () => void {
  const client = useQueryClient();
  return () => {
    const end = async () => {
      await api.post("/logout");
      forgetAllStaged();
      client.clear();
      window.location.assign("/");
    };
    end().catch(toastError);
  };
}
