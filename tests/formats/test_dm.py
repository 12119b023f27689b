"""Gatan's files, written by the description of their layout."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from frazil.formats.dm import read_dm
from frazil.formats.gain import read_gain
from frazil.model.errors import InputError

sys.path.insert(0, str(Path(__file__).parent))
from dm_files import DmWriter, dm_file, image_entry  # type: ignore[import-not-found,unused-ignore]


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("kind", ["f4", "f8", "u2", "i2", "u1", "i4"])
def test_the_image_is_found_beside_its_thumbnail(tmp_path: Path, version: int, kind: str) -> None:
    image = np.random.default_rng(1).uniform(0, 99, (17, 23)).astype(kind)
    path = tmp_path / f"gain.dm{version}"
    path.write_bytes(dm_file(image, version))
    found = read_dm(path)
    assert found.dtype == image.dtype
    np.testing.assert_array_equal(found, image)


def test_a_gain_reference_has_its_last_line_first_and_may_have_holes(tmp_path: Path) -> None:
    image = np.random.default_rng(2).uniform(0.5, 1.5, (6, 8)).astype(np.float32)
    image[1, 2] = np.nan
    (tmp_path / "gain.dm4").write_bytes(dm_file(image))
    expected = np.nan_to_num(image)[::-1]
    np.testing.assert_array_equal(read_gain(tmp_path / "gain.dm4", height_px=6, width_px=8), expected)
    with pytest.raises(InputError, match=r"gain\.dm4: .*8 x 6 pixels.*the movie 6 x 8"):
        read_gain(tmp_path / "gain.dm4", height_px=8, width_px=6)


def test_truncated_files_are_refused_wherever_they_end(tmp_path: Path) -> None:
    whole = dm_file(np.ones((9, 7), np.float32))
    path = tmp_path / "gain.dm4"
    for length in range(0, len(whole) - 8, 13):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"gain\.dm4"):
            read_dm(path)


def test_damaged_files_are_refused_or_read_but_never_crash(tmp_path: Path) -> None:
    whole = np.frombuffer(dm_file(np.ones((5, 4), np.float32)), np.uint8)
    rng = np.random.default_rng(3)
    path = tmp_path / "gain.dm4"
    for _ in range(1000):
        spoilt = whole.copy()
        spoilt[rng.integers(0, len(whole), 3)] = rng.integers(0, 256, 3)
        path.write_bytes(spoilt.tobytes())
        try:
            image = read_dm(path)
        except InputError as error:
            assert "gain.dm4" in str(error)
        else:
            assert image.size * image.itemsize <= len(whole)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"II*\0" + bytes(100), "does not begin like"),
        (DmWriter(4).file([("ImageList", [])]), "holds no image"),
        (DmWriter(4).file([("Other", 1)]), "holds no image"),
        (DmWriter(4).file([("ImageList", [image_entry(np.ones((3, 3), "u4"), 23)])]), "holds no image"),
        (DmWriter(3).file([("X", DmWriter(3).data([99], b""))]), "described by"),
    ],
)
def test_what_holds_no_image(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "gain.dm4"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"gain\.dm4: .*{problem}"):
        read_dm(path)
