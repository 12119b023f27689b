import { carried } from "../tabs";

/** Where a movie is shown, under the filter that holds now. */
export function movieAddress(session: number, name: string): string {
  const query = new URLSearchParams(
    carried("table", "micrographs", new URLSearchParams(window.location.search)),
  );
  query.set("movie", name);
  return `/sessions/${session}/micrographs?${query}`;
}
