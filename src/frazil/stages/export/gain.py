"""The gain references of an export, turned as they were applied: RELION's polishing turns nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from frazil.formats.gain import read_gain
from frazil.formats.star import read_star
from frazil.stages.export.pin import pin_movie
from frazil.stages.listed_gain import is_as_applied, write_applied_gain
from frazil.stages.products import Products

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from frazil.model.settings_input import GainSettings
    from frazil.stages.export.gather import Gathered
    from frazil.stages.export.progress import Progress
    from frazil.stages.export.request import ExportMovie, ExportRequest

_EER = (".eer", ".ecc")
_SIZE = re.compile(r"^_rlnImageSize([XY])\s+(\d+)", re.MULTILINE)


class Gains:
    """Names of gain references in an export: one for each file, and for each way in which it was applied.

    Parameters
    ----------
    session
        Its folder, where motion files tell the size of frames.
    movies
        Those of the export, each with the settings that it was made with.
    """

    def __init__(self, session: Path, movies: Iterable[tuple[ExportMovie, GainSettings]]) -> None:
        self._session = session
        self._names: dict[tuple[object, ...], str] = {}
        for movie, settings in movies:
            key = _applied(movie, settings)
            if settings.gain_path is not None and key not in self._names:
                self._names[key] = self._new_name(movie, settings)

    def name(self, movie: ExportMovie, settings: GainSettings) -> str:
        """Name in the tables of the export; "" if there is no gain reference."""
        return "" if settings.gain_path is None else self._names[_applied(movie, settings)]

    def _new_name(self, movie: ExportMovie, settings: GainSettings) -> str:
        number = f"_{len(self._names) + 1}" if self._names else ""
        size = _frame_size(Products(self._session, movie.name).motion_star)
        is_kept = is_as_applied(settings, size, for_eer=_is_eer(movie))
        return f"raw/gain{number}{Path(settings.gain_path or '').suffix if is_kept else '.mrc'}"


def _applied(movie: ExportMovie, settings: GainSettings) -> tuple[object, ...]:
    """Return what decides about the values that frames were multiplied with."""
    return (
        settings.gain_path,
        settings.gain_rotation_deg,
        settings.gain_flip_x,
        settings.gain_flip_y,
        settings.gain_invert,
        _is_eer(movie),
    )


def _is_eer(movie: ExportMovie) -> bool:
    return (movie.raw_path or str(movie.row.get("path") or "")).lower().endswith(_EER)


def _frame_size(motion_star: Path) -> tuple[int, int] | None:
    """Rows and columns of the frames of a movie, as its motion file says; None where there is none."""
    if not motion_star.is_file():
        return None
    # Names in a session's own motion file may hold blanks, and are not needed here.
    found = dict(_SIZE.findall(motion_star.read_text(encoding="utf-8")))
    return (int(found["Y"]), int(found["X"])) if {"X", "Y"} <= set(found) else None


def bring_gains(
    folder: Path, movies: Sequence[Gathered], gains: Gains, request: ExportRequest, progress: Progress
) -> None:
    """Bring the gain references of all movies in, under the names that their motion files give them."""
    of_name: dict[str, Gathered] = {}
    for movie in movies:
        name = gains.name(movie.movie, movie.settings.gain)
        # The motion file tells the size of the frames.
        if name and (name not in of_name or not of_name[name].has("motion_star")):
            of_name[name] = movie
    for name, movie in of_name.items():
        _bring(folder / name, movie, request, progress)


def _bring(target: Path, movie: Gathered, request: ExportRequest, progress: Progress) -> None:
    settings = movie.settings.gain
    source = Path(settings.gain_path or "")
    if not source.is_file():
        progress.note(f"the gain reference is not at {source} any more; it is left out")
        return
    for_eer = _is_eer(movie.movie)
    size = _frame_size(movie.files.motion_star) if movie.has("motion_star") else None
    if target.suffix == source.suffix and is_as_applied(settings, size, for_eer=for_eer):
        pin_movie(source, target, request.files)
        return
    if size is None:
        progress.note(
            f"the gain reference {source} is not as it was applied, and RELION's polishing turns nothing: "
            "it is left out; export the motion files as well"
        )
        return
    general = read_star(movie.files.motion_star)["general"]
    gain = read_gain(
        source,
        height_px=size[0],
        width_px=size[1],
        rotation_deg=settings.gain_rotation_deg,
        flip_x=settings.gain_flip_x,
        flip_y=settings.gain_flip_y,
        invert="auto" if settings.gain_invert == "auto" else settings.gain_invert == "on",
        for_eer=for_eer,
    )
    pixel_a = float(general.numbers("rlnMicrographOriginalPixelSize")[0])
    write_applied_gain(target, gain, pixel_a, for_eer=for_eer)
