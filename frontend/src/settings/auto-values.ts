/** What settings that are left on "auto" came to: told beside their fields. */

import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import { keys } from "../api/queries";
import type { components } from "../api/schema";
import type { Movie, MoviePage, SessionView, Values } from "../api/types";
import { fixed, isNumber, significant } from "../lib/format";
import { useClassUpdate } from "../pages/session/classes/class-notes";

type Picks = components["schemas"]["Picks"];

export interface Facts {
  /** All results of the micrograph that was done last, by name. */
  numbers: Readonly<Record<string, number | null>>;
  picks: Pick<Picks, "threshold" | "diameter_a" | "pixel_size_a"> | null;
  /** Of the newest update of the classes, Å. */
  maskRadiusA: number | null;
}

/** Half of the diameter, as picking has it where nothing is set. */
const DISTANCE_DIAMETERS = 0.5;

/** By setting that is on "auto": what it came to, as text. */
export function autoTexts(values: Values, facts: Facts): Record<string, string> {
  const { numbers, picks } = facts;
  const texts: Record<string, string> = {};
  const say = (name: string, text: string | null, where = "newest micrograph") => {
    const isAuto = values[name] === null || values[name] === undefined;
    if (isAuto && text) texts[name] = `now ${text} (${where})`;
  };
  const { particle_pixel_size_a: pixelA, particle_box_px: boxPx } = numbers;
  if (isNumber(pixelA)) say("particle_pixel_size_a", `${significant(pixelA)} Å`);
  if (isNumber(pixelA) && isNumber(boxPx) && picks?.pixel_size_a) {
    say("box_size_px", `${Math.round((boxPx * pixelA) / picks.pixel_size_a)} px`);
  }
  if (isNumber(picks?.threshold)) say("pick_threshold", fixed(picks.threshold, 2));
  if (isNumber(picks?.diameter_a)) {
    say("min_distance_a", `${fixed(DISTANCE_DIAMETERS * picks.diameter_a, 0)} Å`);
  }
  if (isNumber(facts.maskRadiusA)) say("mask_radius_a", `${fixed(facts.maskRadiusA, 0)} Å`, "newest classes");
  return texts;
}

/** What is known now of a session. */
export function useAutoTexts(session: SessionView, values: Values): Record<string, string> {
  const newest = useQuery({
    // Not one of the parts that are read again with every movie.
    queryKey: keys.part(session.id, "auto", "newest"),
    queryFn: ({ signal }) =>
      api.get<MoviePage>(
        `/sessions/${session.id}/movies`,
        { columns: "name", sort: "done_at", state: "done,outdated", limit: 1 },
        signal,
      ),
  });
  const name = newest.data?.rows[0]?.name;
  const movie = useQuery({
    queryKey: keys.part(session.id, "auto", "movie", name),
    queryFn: ({ signal }) => api.get<Movie>(`/sessions/${session.id}/movies/${name}`, {}, signal),
    enabled: Boolean(name),
  });
  const picked = movie.data?.stages.pick?.state === "done";
  const picks = useQuery({
    queryKey: keys.part(session.id, "auto", "picks", name),
    queryFn: ({ signal }) => api.get<Picks>(`/sessions/${session.id}/movies/${name}/picks`, {}, signal),
    enabled: picked,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const update = useClassUpdate(session.id, session.last_classes?.number);
  return autoTexts(values, {
    numbers: movie.data?.numbers ?? {},
    picks: picks.data ?? null,
    maskRadiusA: update.data?.summary.mask_radius_a ?? null,
  });
}
