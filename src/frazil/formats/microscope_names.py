"""What EPU and SerialEM put into the names of movies and folders."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import PurePath

from frazil.model.metadata import MovieMetadata

_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
_MOVIE_MARK = re.compile(r"_(?:Fractions|fractions|EER)$")
_EPU = re.compile(
    r"FoilHole_(?P<hole>[0-9]{1,20})_Data_(?P<area>[0-9]{1,20})_[0-9]{1,20}_"
    r"(?P<date>[0-9]{8})_(?P<time>[0-9]{4}(?:[0-9]{2})?)(?![0-9])"
)
_SQUARE = re.compile(r"GridSquare_([0-9]{1,20})(?![0-9])")
_SERIAL_EM = re.compile(r"_(X[+-][0-9]{1,4}Y[+-][0-9]{1,4}-[0-9]{1,4})(?=_|$)")


def metadata_stem(movie_name: str) -> str:
    """Stem that a movie shares with its side file: without ``_Fractions``, ``_fractions``, ``_EER``."""
    for ending in _COMPRESSED:
        movie_name = movie_name.removesuffix(ending)
    # As `PurePath.stem`, at a tenth of the cost: a source may hold 100,000 names.
    dot = movie_name.rfind(".")
    return _MOVIE_MARK.sub("", movie_name[:dot] if 0 < dot < len(movie_name) - 1 else movie_name)


def side_file_names(movie_name: str, suffix: str) -> list[str]:
    """Names that the side file of a movie may have, best first.

    Parameters
    ----------
    movie_name
        Base name of the movie.
    suffix
        ``".xml"``, ``".mdoc"``, ….
    """
    stem = PurePath(movie_name).stem
    names = (f"{movie_name}{suffix}", f"{stem}{suffix}", f"{metadata_stem(movie_name)}{suffix}")
    return [name for name in dict.fromkeys(names) if name != movie_name]


def metadata_from_name(movie: PurePath) -> MovieMetadata:
    """Grid square, foil hole, position and time of a movie, as far as its name and folders say.

    The grid square is that of the innermost folder ``GridSquare_<n>``, or of the name itself. The time is the
    microscope's local time.
    """
    square = _SQUARE.search(movie.name)
    for folder in movie.parent.parts[::-1]:
        square = square or _SQUARE.search(folder)
    epu = _EPU.search(movie.name)
    multishot = _SERIAL_EM.search(metadata_stem(movie.name))
    return MovieMetadata(
        source="name",
        grid_square=square[1] if square else None,
        foil_hole=epu["hole"] if epu else None,
        shot=epu["area"] if epu else None,
        multishot=multishot[1] if multishot else None,
        acquired_at=_time(epu["date"], epu["time"]) if epu else None,
    )


def _time(date: str, time: str) -> datetime | None:
    try:
        return datetime.strptime(date + time.ljust(6, "0"), "%Y%m%d%H%M%S")
    except ValueError:
        return None
