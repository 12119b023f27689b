"""Which extra file goes with which movie, whichever comes first."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frazil.tracks.transfer.companions import METADATA, Companions
from frazil.tracks.transfer.scan import Seen

SUFFIXES = (".xml", ".mdoc")


def seen(path: str) -> Seen:
    return Seen(path, "extra", 1, 1)


@pytest.mark.parametrize(
    ("movie", "extra", "belongs"),
    [
        ("a.tif", "a.xml", True),
        ("a.tif", "a.tif.mdoc", True),
        ("a.tif", "a.MDOC", True),
        ("a_Fractions.tiff", "a.xml", True),
        ("a_fractions.mrc", "a_fractions.xml", True),
        ("a_EER.eer", "a.xml", True),
        ("s_33.0_07.39.05.tif", "s_33.0_07.39.05.mdoc", True),
        ("s_33.0_07.39.05.tif", "s_33.0_07.39.05.tif.mdoc", True),
        ("a.tif", "b.xml", False),
        ("a.tif", "ab.xml", False),
        ("a_1.tif", "a.xml", False),
        ("g/a.tif", "a.xml", False),
        ("g/a.tif", "h/a.xml", False),
        ("g/a.tif", "g/a.xml", True),
        ("g/a.tif", f"{METADATA}/other/a.xml", True),
    ],
)
def test_belongs(movie: str, extra: str, belongs: bool) -> None:
    first = Companions(SUFFIXES)
    first.add_movie(movie)
    assert first.add_extra(seen(extra)) == (movie if belongs else "")
    later = Companions(SUFFIXES)
    assert later.add_extra(seen(extra)) == ""
    assert later.add_movie(movie) == ([seen(extra)] if belongs else [])
    assert later.add_movie(movie) == [], "it is told once"


def test_of_equal_names_the_folders_decide() -> None:
    companions = Companions(SUFFIXES)
    for square in ("1", "2"):
        companions.add_movie(f"GridSquare_{square}/Data/a.tif")
    for square in ("2", "1"):
        path = f"{METADATA}/GridSquare_{square}/Data/a.xml"
        assert companions.add_extra(seen(path)) == f"GridSquare_{square}/Data/a.tif"


def test_what_is_gone_is_not_told() -> None:
    companions = Companions(SUFFIXES)
    companions.add_extra(seen("a.xml"))
    companions.forget_extra("a.xml")
    assert companions.add_movie("a.tif") == []


names = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(movie=names, extra=names, suffix=st.sampled_from(["", *SUFFIXES]))
def test_any_names(movie: str, extra: str, suffix: str) -> None:
    companions = Companions(SUFFIXES)
    companions.add_extra(seen(extra + suffix))
    companions.add_movie(movie)
    companions.movie_of(movie)
