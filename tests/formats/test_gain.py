"""Gain references: orientation as RELION's, sizes, defects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from frazil.formats.defects import read_defects
from frazil.formats.gain import read_gain
from frazil.formats.mrc import write_mrc
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def reference(height: int = 6, width: int = 6) -> NDArray[np.float32]:
    return np.random.default_rng(1).uniform(0.5, 1.5, (height, width)).astype(np.float32)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize(("flip_x", "flip_y"), [(False, False), (False, True), (True, False), (True, True)])
def test_first_turned_then_flipped(tmp_path: Path, turns: int, flip_x: bool, flip_y: bool) -> None:
    gain = reference(4, 6)
    path = tmp_path / "gain.mrc"
    write_mrc(path, gain, 1.0, depth="float32")
    # Clockwise with row 0 at the top: what was in column 0 comes to row 0, read from the bottom up.
    expected = gain
    for _ in range(turns):
        expected = np.array(
            [
                [expected[expected.shape[0] - 1 - x, y] for x in range(expected.shape[0])]
                for y in range(expected.shape[1])
            ]
        )
    if flip_y:
        expected = np.flipud(expected)
    if flip_x:
        expected = np.fliplr(expected)
    found = read_gain(
        path,
        height_px=expected.shape[0],
        width_px=expected.shape[1],
        rotation_deg=90 * turns,
        flip_x=flip_x,
        flip_y=flip_y,
    )
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def test_tiff_is_flipped_like_movies_but_not_for_eer(tmp_path: Path) -> None:
    gain = reference()
    for name, for_eer, expected in (
        ("a.tif", False, gain[::-1]),
        ("a.gain", True, gain),
        ("a.gain", False, gain),
    ):
        tifffile.imwrite(tmp_path / name, gain)
        np.testing.assert_array_equal(
            read_gain(tmp_path / name, height_px=6, width_px=6, for_eer=for_eer), expected
        )


def test_defects_are_zero(tmp_path: Path) -> None:
    gain = reference()
    gain[0, 0], gain[1, 1], gain[2, 2], gain[3, 3] = 0, np.nan, np.inf, -1
    path = tmp_path / "gain.mrc"
    content = np.ascontiguousarray(gain)
    write_mrc(path, np.ones_like(gain), 1.0, depth="float32")
    path.write_bytes(path.read_bytes()[:1024] + content.tobytes())
    found = read_gain(path, height_px=6, width_px=6)
    assert (np.diag(found)[:4] == 0).all()
    assert np.count_nonzero(found) == 32
    inverted = read_gain(path, height_px=6, width_px=6, invert=True)
    good = found > 0
    assert (inverted[~good] == 0).all()
    np.testing.assert_allclose(inverted[good], found[good].mean() / found[good], rtol=1e-5)
    np.testing.assert_array_equal(read_gain(path, height_px=6, width_px=6, for_eer=True), inverted)
    np.testing.assert_array_equal(read_gain(path, height_px=6, width_px=6, for_eer=True, invert=False), found)


def test_twice_and_half_the_size(tmp_path: Path) -> None:
    path = tmp_path / "gain.mrc"
    gain = reference()
    write_mrc(path, gain, 1.0, depth="float32")
    large = read_gain(path, height_px=12, width_px=12)
    np.testing.assert_array_equal(large, np.kron(gain, np.ones((2, 2), dtype=np.float32)))
    small = read_gain(path, height_px=3, width_px=3)
    np.testing.assert_allclose(small, gain.reshape(3, 2, 3, 2).mean(axis=(1, 3)), rtol=1e-6)


@pytest.mark.parametrize("shape", [(6, 8), (5, 6), (18, 18)])
def test_wrong_shape_names_both_sizes(tmp_path: Path, shape: tuple[int, int]) -> None:
    path = tmp_path / "gain.mrc"
    write_mrc(path, reference(), 1.0, depth="float32")
    with pytest.raises(InputError, match=rf"gain\.mrc: .*6 x 6 pixels.*the movie {shape[1]} x {shape[0]}"):
        read_gain(path, height_px=shape[0], width_px=shape[1])


def test_what_is_no_gain_reference(tmp_path: Path) -> None:
    write_mrc(tmp_path / "zero.mrc", np.zeros((6, 6)), 1.0)
    write_mrc(tmp_path / "movie.mrc", np.ones((3, 6, 6)), 1.0)
    (tmp_path / "empty.mrc").touch()
    for name in ("a.raw", "a.dm4"):
        (tmp_path / name).write_bytes(b"\0\0\0\4" + bytes(100))
    for name, problem in (
        ("zero.mrc", "all values are zero"),
        ("movie.mrc", "3 images"),
        ("empty.mrc", "is empty"),
        ("missing.mrc", "no such file"),
        ("a.raw", "raw references"),
        ("a.dm4", "holds no image of real numbers"),
    ):
        with pytest.raises(InputError, match=f"{name}: .*{problem}"):
            read_gain(tmp_path / name, height_px=6, width_px=6)
    with pytest.raises(InputError, match="multiples of 90"):
        read_gain(tmp_path / "zero.mrc", height_px=6, width_px=6, rotation_deg=45)


def test_defect_rectangles(tmp_path: Path) -> None:
    path = tmp_path / "defects.txt"
    path.write_text("# x y w h\n1 2 3 1\n\n7 0 1 5\n6 4 100 100\n")
    expected = np.zeros((5, 8), dtype=bool)
    expected[2, 1:4] = expected[:, 7] = expected[4, 6:] = True
    np.testing.assert_array_equal(read_defects(path, height_px=5, width_px=8), expected)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1 2 3\n", "line 1"),
        ("1 2 3 4\nfoo\n", "line 2"),
        ("1 2 -3 4\n", "line 1"),
        ("8 0 1 1\n", "lies outside the movie"),
        ("CameraSizeX 5760\nCameraSizeY 4092\nRotationAndFlip 3\nBadColumns 1 2\n", "clip defect"),
        ("<defects><point>9,1</point></defects>", "lies outside"),
        ("<defects><point>1", "can't be read"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "document type"),
    ],
)
def test_defects_that_cannot_be_read(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "defects.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"defects\.txt.*{problem}"):
        read_defects(path, height_px=5, width_px=8)


def test_falcon_defects(tmp_path: Path) -> None:
    path = tmp_path / "SensorDefects.xml"
    path.write_text(
        "<d:defects xmlns:d='x'><point>1,2</point><row>7-8</row><col>12</col><area>3,4,4,5</area></d:defects>"
    )
    expected = np.zeros((12, 16), dtype=bool)
    expected[2, 1] = expected[6:10] = expected[:, 11:14] = expected[4:6, 3:5] = True
    np.testing.assert_array_equal(read_defects(path, height_px=12, width_px=16), expected)


def test_defect_maps(tmp_path: Path) -> None:
    bad = np.random.default_rng(1).random((5, 8)) < 0.2
    write_mrc(tmp_path / "map.mrc", bad.astype(np.int8), 1.0, depth="stored")
    tifffile.imwrite(tmp_path / "map.tif", bad[::-1].astype(np.uint8))
    for name in ("map.mrc", "map.tif"):
        np.testing.assert_array_equal(read_defects(tmp_path / name, height_px=5, width_px=8), bad)
        with pytest.raises(InputError, match=r"8 x 5 pixels, the movie 5 x 8"):
            read_defects(tmp_path / name, height_px=8, width_px=5)
