import { keepPreviousData, type UseQueryResult, useQuery } from "@tanstack/react-query";
import { api } from "../../../api/client";
import { keys } from "../../../api/queries";
import type { components } from "../../../api/schema";
import type { Movie } from "../../../api/types";

export type Profile = components["schemas"]["Profile"];
export type Motion = components["schemas"]["Motion"];
export type Picks = components["schemas"]["Picks"];
export type ManualPicks = components["schemas"]["ManualPicks"];

/** One movie: its columns and what each stage did. */
export function useMovie(session: number, name: string): UseQueryResult<Movie> {
  return useQuery({
    queryKey: keys.part(session, "movie", name),
    queryFn: ({ signal }) => api.get<Movie>(`/sessions/${session}/movies/${name}`, {}, signal),
    enabled: name !== "",
    placeholderData: keepPreviousData,
  });
}

/** Whether a stage has left its products. */
export function hasStage(movie: Movie | undefined, stage: string): boolean {
  return movie?.stages[stage]?.state === "done";
}

/** When a stage was done: its products are others whenever this is. */
export function stageMark(movie: Movie | undefined, stage: string): string {
  const record = movie?.stages[stage];
  return `${record?.at ?? ""}-${record?.fingerprint ?? ""}`;
}

function useCurve<T>(
  session: number,
  movie: Movie | undefined,
  stage: string,
  what: string,
): UseQueryResult<T> {
  const name = movie?.name ?? "";
  return useQuery({
    queryKey: keys.part(session, "curve", what, name, stageMark(movie, stage)),
    queryFn: ({ signal }) => api.get<T>(`/sessions/${session}/movies/${name}/${what}`, {}, signal),
    enabled: hasStage(movie, stage),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export const useProfile = (session: number, movie: Movie | undefined) =>
  useCurve<Profile>(session, movie, "ctf", "profile");
export const useMotion = (session: number, movie: Movie | undefined) =>
  useCurve<Motion>(session, movie, "align", "motion");
export const usePicks = (session: number, movie: Movie | undefined) =>
  useCurve<Picks>(session, movie, "pick", "picks");
