import { api } from "../../../api/client";
import type { MoviePage, MovieRow } from "../../../api/types";

/** What the card of a point shows. */
export const CARD_COLUMNS = "name,state,done_at,defocus_mean_a,ctf_resolution_a,particles";

/** The movie at a place of the columns: columns are in the order of numbers. */
export async function movieOfPlace(
  session: number,
  place: number,
  signal?: AbortSignal,
): Promise<MovieRow | undefined> {
  const page = await api.get<MoviePage>(
    `/sessions/${session}/movies`,
    { columns: CARD_COLUMNS, sort: "number", descending: false, limit: 1, cursor: place || undefined },
    signal,
  );
  return page.rows[0];
}

export async function nameOfPlace(session: number, place: number): Promise<string | undefined> {
  return (await movieOfPlace(session, place))?.name ?? undefined;
}
