"""Find and read what the microscope's software says about a movie, from whichever program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil.formats.epu import read_epu_xml
from frazil.formats.mdoc import read_mdoc
from frazil.formats.microscope_names import metadata_from_name, side_file_names
from frazil.model.metadata import MovieMetadata, movie_pixel_size_a

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SUFFIXES = (".xml", ".mdoc")
# Physical pixels (long, short side) of cameras that are told apart by their size: Gatan K3 and K2.
_SENSORS = ((5760, 4092), (3838, 3710))


def find_side_file(movie: Path, folders: Iterable[Path] = ()) -> Path | None:
    """Find the XML or mdoc that belongs to a movie; None where there is none.

    Parameters
    ----------
    movie
        The movie; its own folder is searched first.
    folders
        Where else to look: folders that hold side files, best first. Of a tree, those that `best_folders`
        gives.
    """
    for folder in (movie.parent, *folders):
        for suffix in SUFFIXES:
            for name in side_file_names(movie.name, suffix):
                candidate = folder / name
                if candidate.is_file():
                    return candidate
    return None


def best_folders(candidates: Iterable[Path], movie: Path) -> list[Path]:
    """Folders of a second tree in the order in which they are likely to hold a movie's side file.

    EPU writes both trees with the same relative paths, so the more names at the end of the path are those of
    the movie's folder, the better.
    """

    def shared(folder: Path) -> int:
        pairs = zip(reversed(folder.parts), reversed(movie.parent.parts), strict=False)
        count = 0
        for theirs, ours in pairs:
            if theirs != ours:
                break
            count += 1
        return count

    return sorted(candidates, key=lambda folder: (-shared(folder), str(folder)))


def read_side_file(path: Path) -> MovieMetadata:
    """Read an XML of EPU or an mdoc of SerialEM; `InputError` where it is neither."""
    return read_mdoc(path) if path.suffix.lower() == ".mdoc" else read_epu_xml(path)


def describe_movie(
    movie: Path, side_file: Path | None = None, size_px: tuple[int, int] | None = None
) -> MovieMetadata:
    """Everything that a movie's side file and name tell.

    Parameters
    ----------
    movie
        Its path, with the folders in which it lies at the microscope.
    side_file
        From `find_side_file`.
    size_px
        (width, height) of the movie's frames, which settle the pixel size.

    Raises
    ------
    InputError
        The side file can't be read or is of another kind. What the name tells, `metadata_from_name` has.
    """
    named = metadata_from_name(movie)
    if side_file is None:
        return named
    told = read_side_file(side_file)
    if size_px is not None:
        told = _with_sensor(told, size_px).with_movie_size(*size_px)
    return told.with_defaults(named)


def _with_sensor(told: MovieMetadata, size_px: tuple[int, int]) -> MovieMetadata:
    """Complete what an mdoc tells by the size of the camera, if only one camera makes such movies.

    An mdoc gives the pixel of an image taken with some binning, and no size that fits to it in all versions.
    """
    if told.source != "mdoc" or told.image_pixel_size_a is None:
        return told
    longer, shorter = max(size_px), min(size_px)
    for width, height in _SENSORS:
        if movie_pixel_size_a(1.0, (width, height), (longer, shorter)) is not None:
            return told.model_copy(update={"image_width_px": width, "image_height_px": height})
    return told
