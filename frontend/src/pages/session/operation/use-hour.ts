import { useQuery } from "@tanstack/react-query";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { ClassUpdate, MoviePage } from "../../../api/types";
import { isNumber } from "../../../lib/format";
import { serverNow } from "../../../lib/server-clock";

const BINS = 30;
const HOUR_S = 3600;

/** Movies in two-minute bins of the last hour, oldest first. */
export interface Hour {
  transferred: number[];
  done: number[];
}

/** So many of the newest movies are looked at; the numbers beside the lines are exact, these only draw them. */
const MOST = 1000;

export function useHour(session: number): Hour | undefined {
  const newest = (column: "transferred_at" | "done_at") =>
    api.get<MoviePage>(`/sessions/${session}/movies`, {
      columns: column,
      sort: column,
      descending: true,
      limit: MOST,
    });
  const hour = useQuery({
    queryKey: keys.part(session, "hour"),
    queryFn: async () => {
      const [transferred, done] = await Promise.all([newest("transferred_at"), newest("done_at")]);
      const now = serverNow();
      return {
        transferred: binned(
          transferred.rows.map((row) => row.transferred_at),
          now,
        ),
        done: binned(
          done.rows.map((row) => row.done_at),
          now,
        ),
      };
    },
    refetchInterval: 30_000,
  });
  return hour.data;
}

/** How many of the times fall into each bin of the hour before `now`. */
export function binned(times: readonly (number | null | undefined)[], now: number): number[] {
  return summed(
    times.filter(isNumber).map((time) => [time, 1]),
    now,
  );
}

/** How many particles came into classes that had been in none, in each bin of the hour before `now`. */
export function joined(
  updates: readonly Pick<ClassUpdate, "finished_at" | "particles">[],
  now: number,
): number[] {
  let most = 0;
  const came = updates.map(({ finished_at: time, particles }) => {
    const more = Math.max(0, particles - most);
    most += more;
    return [time, more] as const;
  });
  return summed(came, now);
}

function summed(amounts: readonly (readonly [time: number, amount: number])[], now: number): number[] {
  const bins = new Array<number>(BINS).fill(0);
  for (const [time, amount] of amounts) {
    const index = Math.floor(((time - now + HOUR_S) / HOUR_S) * BINS);
    if (index >= 0 && index < BINS) bins[index] = (bins[index] ?? 0) + amount;
  }
  return bins;
}
