import { url } from "../../../api/client";
import type { Movie } from "../../../api/types";
import { Picture } from "../../../ui/picture";
import { hasStage, stageMark } from "./use-movie";

export type PictureKind = "preview" | "thumbnail" | "picks" | "spectrum" | "profile";

const STAGE: Record<PictureKind, string> = {
  preview: "sum",
  thumbnail: "sum",
  picks: "pick",
  spectrum: "ctf",
  profile: "ctf",
};

const WORDS: Record<PictureKind, string> = {
  preview: "Micrograph",
  thumbnail: "Micrograph",
  picks: "Micrograph with picks",
  spectrum: "Power spectrum with fitted rings",
  profile: "Profile of the CTF fit",
};

/** Address of a picture; another one when the stage that made it ran again. */
export function pictureUrl(session: number, movie: Movie, kind: PictureKind): string {
  return url(`/sessions/${session}/pictures/${movie.name}/${kind}.jpg`, { v: versionOf(movie, kind) });
}

function versionOf(movie: Movie, kind: PictureKind): string {
  return stageMark(movie, STAGE[kind]).slice(0, 60);
}

/** A picture of a movie, or that there is none yet; without picks the bare micrograph. */
export function MoviePicture(props: { session: number; movie: Movie; kind: PictureKind }) {
  const { session, movie } = props;
  const kind = props.kind === "picks" && !hasStage(movie, "pick") ? "preview" : props.kind;
  if (!hasStage(movie, STAGE[kind])) {
    return (
      <div className="picture no-picture">
        <span className="picture-missing">
          {WORDS[kind].toLowerCase()}: {movie.columns.state === "failed" ? "not made" : "not yet"}
        </span>
      </div>
    );
  }
  return <Picture src={pictureUrl(session, movie, kind)} alt={`${WORDS[kind]} ${movie.name}`} eager />;
}
