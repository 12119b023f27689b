import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { fromParams } from "../../lib/filters";
import { columnsQuery } from "../../movies/use-movies";
import { columnQuery } from "../../movies/use-series";
import { columnsAtFirst } from "./plots/wanted";
import type { Tab } from "./tabs";

/** Nothing of these can be shown before it is known which columns there are. */
const LISTS: readonly Tab[] = ["plots", "table", "gallery"];

/** Whole columns take longest to come: they are asked for while the session and the script of the tab are on their way. */
export function useAhead(session: number, tab: Tab): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!LISTS.includes(tab)) return;
    void client.prefetchQuery(columnsQuery);
    if (tab !== "plots") return;
    const address = new URLSearchParams(window.location.search);
    if ((address.get("view") ?? "series") !== "series") return;
    for (const name of columnsAtFirst(fromParams(address), address.get("x") ?? "number")) {
      void client.prefetchQuery(columnQuery(session, name));
    }
  }, [client, session, tab]);
}
