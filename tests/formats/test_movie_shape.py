"""Kind and size of movies by their headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.formats.movie import open_movie
from frazil.formats.movie_shape import read_shape
from frazil.formats.mrc import MrcStackWriter
from frazil.model.errors import InputError

from .eer_writer import random_events, write_eer

if TYPE_CHECKING:
    from pathlib import Path


def test_virtual_movies_are_as_the_full_reader_says(virtual_movies: Path) -> None:
    movies = [path for path in virtual_movies.iterdir() if path.suffix in (".tif", ".tiff", ".mrc", ".eer")]
    assert movies
    for path in movies:
        shape = read_shape(path)
        with open_movie(path) as movie:
            assert (shape.width_px, shape.height_px) == (movie.width_px, movie.height_px)
            assert shape.frames == movie.frames


def test_an_mrc_movie_is_told_in_words(tmp_path: Path) -> None:
    path = tmp_path / "a.mrc"
    with MrcStackWriter(path, 1.0, depth="stored") as writer:
        writer.append(np.zeros((3, 20, 30), np.int8))
    assert str(read_shape(path)) == "MRC 30 x 20 x 3"
    data = path.read_bytes()
    path.write_bytes(data[:-700])
    with pytest.raises(InputError, match="truncated"):
        read_shape(path)


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"II*\0\0\0", b"II*\0\0\0\0\0", b"\x1f\x8b" + bytes(20)]
)
def test_what_is_no_movie_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.tif"):
        read_shape(path)


@pytest.mark.parametrize("summed_page", [False, True])
def test_camera_frames_of_eer_are_counted_without_the_sum(tmp_path: Path, summed_page: bool) -> None:
    path = tmp_path / "a.eer"
    events = [random_events(seed, 64, 32, 0.05) for seed in range(4)]
    write_eer(path, events, 64, 32, summed_page=summed_page)
    assert str(read_shape(path)) == "EER 64 x 32 x 4"
