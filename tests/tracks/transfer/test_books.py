"""What is gathered of a movie before it is stored."""

from __future__ import annotations

from typing import Any, cast

import pytest

from frazil.model.metadata import MovieMetadata
from frazil.tracks.transfer.books import Books
from frazil.tracks.transfer.files import File, FileForm
from frazil.tracks.transfer.job import Report

MOVIE, SIDE = "GridSquare_1/FoilHole_7.tiff", "GridSquare_1/FoilHole_7.xml"
FORM = FileForm(100, 1)
NAMED = MovieMetadata(grid_square="1", foil_hole="7", shot="8", pixel_size_a=0.8)
BY_EPU = MovieMetadata(source="EPU", voltage_kv=300.0, beam_shift=(0.1, 0.2))


@pytest.mark.parametrize("complete", [False, True], ids=["movie by its name", "movie with its side file"])
@pytest.mark.parametrize("movie_first", [True, False])
def test_movie_and_side_file_that_land_together_are_joined(complete: bool, movie_first: bool) -> None:
    books = Books(cast("Any", None))
    own = BY_EPU.with_defaults(NAMED) if complete else NAMED
    landed = [(File(MOVIE, "movie", FORM), own), (File(SIDE, "extra", FORM, movie=MOVIE), BY_EPU)]
    for file, told in landed if movie_first else landed[::-1]:
        books.deliver(file, cast("Any", None), Report(cast("Any", None), metadata=told))
    assert books._told == {MOVIE: BY_EPU.with_defaults(NAMED)}
