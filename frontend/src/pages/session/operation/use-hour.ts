import { useQuery } from "@tanstack/react-query";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import { isNumber } from "../../../lib/format";

const BINS = 30;
const HOUR_S = 3600;

/** Movies in two-minute bins of the last hour, oldest first. */
export interface Hour {
  transferred: number[];
  done: number[];
}

type Times = Record<"transferred_at" | "done_at", (number | null)[]>;

export function useHour(session: number): Hour | undefined {
  const series = useQuery({
    queryKey: keys.part(session, "series", "hour"),
    queryFn: () => api.get<Times>(`/sessions/${session}/series`, { columns: "transferred_at,done_at" }),
    staleTime: 20_000,
    refetchInterval: 60_000,
  });
  if (!series.data) return undefined;
  const now = Date.now() / 1000;
  return {
    transferred: binned(series.data.transferred_at, now),
    done: binned(series.data.done_at, now),
  };
}

/** How many of the times fall into each bin of the hour before `now`. */
export function binned(times: readonly (number | null)[], now: number): number[] {
  const bins = new Array<number>(BINS).fill(0);
  for (const time of times) {
    if (!isNumber(time)) continue;
    const index = Math.floor(((time - now + HOUR_S) / HOUR_S) * BINS);
    if (index >= 0 && index < BINS) bins[index] = (bins[index] ?? 0) + 1;
  }
  return bins;
}
