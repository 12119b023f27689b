"""What the microscope's side files say about a folder of movies, as values for the form of a new session."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.app.errors import DeniedError
from frazil.app.files import sight
from frazil.app.source_preview import LONGEST_LOOK_S, look
from frazil.formats.microscope_metadata import best_folders, describe_movie, find_side_file
from frazil.formats.movie_shape import read_shape
from frazil.model.errors import FrazilError, InputError
from frazil.model.settings import Settings, with_values
from frazil.tracks.transfer.location import Location
from frazil.tracks.transfer.patterns import Patterns

if TYPE_CHECKING:
    from collections.abc import Callable

    from frazil.app.access import Actor
    from frazil.app.files import Sight
    from frazil.app.hub import Hub
    from frazil.model.metadata import MovieMetadata

_DIRECT = ("pixel_size_a", "voltage_kv", "dose_per_movie_e_per_a2")
_DIGITS = 6
_MOST_FOLDERS = 5000


@dataclass
class _Told:
    """What was found: values of settings, and what a person should know."""

    values: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def source_metadata(
    hub: Hub,
    actor: Actor,
    path: str,
    *,
    metadata_path: str | None = None,
    recursive: bool = True,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Read the side file of one of the newest movies.

    Parameters
    ----------
    path
        Folder or pattern of the movies.
    metadata_path
        Folder of a second tree that holds the side files.

    Returns
    -------
        values: settings by name (pixel_size_a, voltage_kv, dose_per_movie_e_per_a2, gain_path, defects_path,
        fit_phase_shift), only what was told and is possible; source (EPU, mdoc or none), movie, side_file,
        frames, camera; notes for people.

    Raises
    ------
    DeniedError
        Outside the roots, or somebody who may make no session.
    InputError
        No absolute path.
    """
    seen = sight(hub, actor)
    folders = _side_folders(seen, metadata_path, clock) if metadata_path else []
    answer: dict[str, Any] = {
        "source": None,
        "movie": None,
        "side_file": None,
        "frames": None,
        "camera": None,
    }
    told = _Told()
    defaults = Settings().image_data
    patterns = Patterns(defaults.file_patterns, defaults.ignore_patterns)
    found = look(seen, _location(seen, path, recursive=recursive), patterns, clock)
    if not found.movies:
        told.notes.append(found.trouble or f"{path}: no movies yet")
    for _, name in found.newest:
        movie = Path(name)
        side = find_side_file(movie, best_folders(folders, movie))
        if side is None or not seen.shows(side.resolve()):
            continue
        try:
            metadata = describe_movie(movie, side, _size(movie))
        except FrazilError as error:
            told.notes.append(str(error))
            continue
        answer.update(
            source=metadata.source,
            movie=name,
            side_file=str(side),
            frames=metadata.frames,
            camera=metadata.camera,
        )
        _fill(told, metadata, seen, movie, side)
        break
    else:
        if found.movies:
            told.notes.append("no side file (.xml or .mdoc) lies beside the newest movies")
    return {**answer, "values": told.values, "notes": told.notes}


def _location(seen: Sight, path: str, *, recursive: bool) -> Location:
    if "\0" in path or not path.startswith("/"):
        raise InputError(f"{path!r}: give an absolute path")
    location = Location(path, recursive=recursive)
    if not seen.shows(location.base.resolve()):
        raise DeniedError(seen.refusal(path))
    return location


def _side_folders(seen: Sight, path: str, clock: Callable[[], float]) -> list[Path]:
    """Folders of the second tree, as many as can be looked at in two seconds."""
    root = seen.real(path)
    end = clock() + LONGEST_LOOK_S
    folders: list[Path] = []
    for folder, below, _ in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith("."))
        folders.append(Path(folder))
        if clock() > end or len(folders) >= _MOST_FOLDERS:
            break
    return [folder for folder in folders if seen.shows(folder)]


def _size(movie: Path) -> tuple[int, int] | None:
    try:
        shape = read_shape(movie)
    except FrazilError:
        return None
    return shape.width_px, shape.height_px


def _fill(told: _Told, metadata: MovieMetadata, seen: Sight, movie: Path, side: Path) -> None:
    """Take what is told and can be a setting; the rest becomes a note."""
    for name in _DIRECT:
        value = getattr(metadata, name)
        if value is None:
            told.notes.append(f"{side.name} does not tell {name}")
        else:
            _take(told, name, float(f"{value:.{_DIGITS}g}"), side)
    for setting, named in (("gain_path", metadata.gain_name), ("defects_path", metadata.defect_name)):
        if named is None:
            continue
        place = next((p for p in (movie.with_name(named), side.with_name(named)) if p.is_file()), None)
        if place is not None and seen.shows(place.resolve()):
            _take(told, setting, str(place), side)
        else:
            told.notes.append(f"{side.name} names {named}, which does not lie beside it: give {setting}")
    if metadata.phase_plate:
        _take(told, "fit_phase_shift", True, side)
    told.notes.append("the spherical aberration is not told by side files: cs_mm stays as it is")


def _take(told: _Told, name: str, value: Any, side: Path) -> None:
    try:
        with_values(Settings(), {name: value})
    except InputError as error:
        told.notes.append(f"{side.name}: {error}")
    else:
        told.values[name] = value
