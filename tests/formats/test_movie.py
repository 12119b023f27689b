"""Movies of every kind, read back from files that independent programs wrote."""

from __future__ import annotations

import os
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import mrcfile
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frazil.formats import lzw_kernel
from frazil.formats.movie import compile_kernels, open_movie
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def counts(frames: int = 5, height: int = 48, width: int = 64, dtype: str = "uint8") -> NDArray[Any]:
    return np.random.default_rng(1).poisson(0.8, (frames, height, width)).astype(dtype)


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float32", "float16"])
def test_mrc_movie_is_read_as_stored(tmp_path: Path, dtype: str) -> None:
    stored = counts(dtype=dtype)
    path = tmp_path / "movie.mrc"
    with mrcfile.new(path) as file:
        file.set_data(stored)
        file.voxel_size = 0.83
    with open_movie(path) as movie:
        assert (movie.frames, movie.height_px, movie.width_px, movie.dtype) == (5, 48, 64, np.dtype(dtype))
        assert movie.pixel_size_a == pytest.approx(0.83)
        for index in range(5):
            np.testing.assert_array_equal(movie.read_frame(index), stored[index])


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits", "zstd"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("layout", [{}, {"rowsperstrip": 7}, {"tile": (16, 32)}, {"bigtiff": True}])
def test_tiff_movie_is_flipped_as_other_programs_do(
    tmp_path: Path, compression: str | None, dtype: str, layout: dict[str, Any]
) -> None:
    stored = counts(dtype=dtype)
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, stored, compression=compression, photometric="minisblack", **layout)
    with open_movie(path) as movie:
        assert (movie.frames, movie.height_px, movie.width_px, movie.dtype) == (5, 48, 64, np.dtype(dtype))
        for index in range(5):
            np.testing.assert_array_equal(movie.read_frame(index), stored[index, ::-1])


def test_frames_can_be_read_by_many_threads_into_given_arrays(tmp_path: Path) -> None:
    stored = counts(frames=40)
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, stored, compression="lzw", photometric="minisblack", rowsperstrip=16)
    with open_movie(path) as movie, ThreadPoolExecutor(8) as pool:
        outs = [np.empty((48, 64), dtype=np.uint8) for _ in range(40)]
        list(pool.map(movie.read_frame, range(40), outs))
    np.testing.assert_array_equal(np.stack(outs), stored[:, ::-1])


def test_truncated_tiff_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "May08.tif"
    tifffile.imwrite(path, counts(), compression="lzw", photometric="minisblack")
    path.write_bytes(path.read_bytes()[:2500])
    with pytest.raises(InputError, match=r"May08\.tif: \d frames readable.*still being written"):
        open_movie(path)


@pytest.mark.parametrize("compression", [None, "lzw", "zlib"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_predictors_and_byte_orders(tmp_path: Path, compression: str | None, dtype: str, order: Any) -> None:
    stored = (np.random.default_rng(1).normal(size=(3, 20, 33)) * 100).astype(dtype)
    path = tmp_path / "movie.tif"
    # tifffile writes predictors of little-endian files only, and only compressed.
    predictor = compression is not None and order == "<"
    tifffile.imwrite(
        path,
        stored,
        byteorder=order,
        compression=compression,
        predictor=predictor or None,
        photometric="minisblack",
        rowsperstrip=6,
    )
    with open_movie(path) as movie:
        for index in range(3):
            np.testing.assert_array_equal(movie.read_frame(index), stored[index, ::-1])


def test_packed_four_bit_pages_are_known_by_their_size(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 16, (7676, 7420), dtype=np.uint8)
    packed = (pixels[:, 0::2] | pixels[:, 1::2] << 4)[:, :3710]
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, packed, photometric="minisblack")
    with open_movie(path) as movie:
        assert (movie.height_px, movie.width_px) == (7676, 7420)
        np.testing.assert_array_equal(movie.read_frame(0), pixels[::-1])


def test_one_frame_only(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, counts(1)[0], photometric="minisblack")
    with open_movie(path) as movie:
        assert movie.frames == 1


def test_pixel_size_from_resolution_tags(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, counts(), resolution=(1e8 / 0.83, 1e8 / 0.83), resolutionunit="CENTIMETER")
    with open_movie(path) as movie:
        assert movie.pixel_size_a == pytest.approx(0.83, rel=1e-4)
    tifffile.imwrite(path, counts(), resolution=(72, 72), resolutionunit="INCH")
    with open_movie(path) as movie:
        assert movie.pixel_size_a is None


@pytest.mark.parametrize(
    ("write", "problem"),
    [
        (lambda path: tifffile.imwrite(path, np.zeros((8, 8, 3), np.uint8), photometric="rgb"), "colour"),
        (lambda path: tifffile.imwrite(path, np.zeros((8, 8), np.complex64)), "pixels of 64 bits"),
        (lambda path: tifffile.imwrite(path, np.zeros((8, 8), np.uint8), compression="jpeg"), "JPEG"),
        (lambda path: tifffile.imwrite(path, np.full((8, 8), np.nan, np.float32)), "not finite"),
        (lambda path: path.write_bytes(b"II*\0"), "ends within its TIFF header"),
        (lambda path: path.write_bytes(b"II*\0\0\0\0\0"), "not written yet"),
        (lambda path: path.write_bytes(b"II*\0\x08\0\0\0\xff\xff"), "beyond the end"),
        (lambda path: path.write_bytes(b"II*\0\x08\0\0\0\0\0\x08\0\0\0"), "leads back"),
    ],
)
def test_tiff_that_is_no_movie(tmp_path: Path, write: Any, problem: str) -> None:
    path = tmp_path / "bad.tif"
    write(path)
    with pytest.raises(InputError, match=rf"bad\.tif.*{problem}"), open_movie(path) as movie:
        movie.read_frame(0)


def test_pages_of_different_size(tmp_path: Path) -> None:
    path = tmp_path / "bad.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(np.zeros((8, 8), np.uint8), contiguous=False)
        writer.write(np.zeros((8, 9), np.uint8), contiguous=False)
    with pytest.raises(InputError, match=r"page 2 differs from the first one.*9 x 8"):
        open_movie(path)


def test_a_damaged_strip_names_the_frame(tmp_path: Path) -> None:
    path = tmp_path / "bad.tif"
    tifffile.imwrite(path, counts(), compression="lzw", photometric="minisblack")
    with tifffile.TiffFile(path) as file:
        offset = file.pages[2].dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[offset + 100 : offset + 140] = b"\xff" * 40
    path.write_bytes(content)
    with open_movie(path) as movie:
        movie.read_frame(1)
        with pytest.raises(
            InputError, match=r"bad\.tif: frame 3 can't be decoded: the LZW data of strip 1 are damaged"
        ):
            movie.read_frame(2)


def test_frames_out_of_range_and_wrong_targets(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, counts(), photometric="minisblack")
    with open_movie(path) as movie:
        with pytest.raises(InputError, match="has no frame 6, it has 5"):
            movie.read_frame(5)
        with pytest.raises(ValueError, match="out must be contiguous"):
            movie.read_frame(0, np.empty((48, 64), np.float32))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    path.touch()
    path.chmod(0)
    with pytest.raises(InputError, match=r"movie\.tif: may not be read: permission denied"):
        open_movie(path)


@given(
    st.sampled_from(["lzw", "zlib", "packbits", "zstd", None]),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8),
    st.integers(0, 300),
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_gives_a_movie_or_an_error(
    tmp_path: Path, compression: str | None, tiled: bool, damage: list[tuple[int, int]], cut: int
) -> None:
    whole = tmp_path / f"{compression}{tiled}"
    if not whole.exists():
        layout: dict[str, Any] = {"tile": (16, 16)} if tiled else {"rowsperstrip": 7}
        stored = counts(2, 20, 24)
        tifffile.imwrite(whole, stored, compression=compression, photometric="minisblack", **layout)
    content = bytearray(whole.read_bytes())
    for position, value in damage:
        # Half of the damage goes to the first directory, where it hurts most.
        content[position % (len(content) if position % 2 else 400)] = value
    path = tmp_path / "fuzz.tif"
    path.write_bytes(content[: len(content) - cut] if cut < 100 else content)
    try:
        with open_movie(path) as movie:
            if movie.height_px * movie.width_px < 1 << 24:
                for index in range(movie.frames):
                    movie.read_frame(index)
    except InputError as error:
        assert "fuzz.tif" in str(error)


def test_a_small_file_never_asks_for_much_memory(tmp_path: Path) -> None:
    # 65535 x 65535 pixels announced by 2 kB of data.
    for compression in ("lzw", "zlib", "packbits", None):
        path = tmp_path / "bomb.tif"
        tifffile.imwrite(path, counts(1, 40, 40)[0], compression=compression, photometric="minisblack")
        with tifffile.TiffFile(path, mode="r+") as file:
            for name in ("ImageWidth", "ImageLength", "RowsPerStrip"):
                file.pages[0].tags[name].overwrite(30000)
        with pytest.raises(
            InputError, match=r"bomb\.tif: damaged: the \d+ bytes of page 1 can't hold 30000 x 30000 pixels"
        ):
            open_movie(path)


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    frame = counts(1, 1000, 1000)[0]
    with tifffile.TiffWriter(path) as writer:
        for _ in range(40):
            writer.write(frame, compression="lzw", photometric="minisblack")
    with open_movie(path) as movie:
        out = np.empty((1000, 1000), np.uint8)
        movie.read_frame(0, out)
        tracemalloc.start()
        for index in range(40):
            movie.read_frame(index, out)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 300_000


def test_compiling_ahead_leaves_nothing_to_compile(tmp_path: Path) -> None:
    compile_kernels()
    before = len(lzw_kernel.decode_strips.signatures)
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, counts(), compression="lzw", photometric="minisblack")
    with open_movie(path) as movie:
        movie.read_frame(0)
    assert before == len(lzw_kernel.decode_strips.signatures) > 0


def test_the_page_that_lost_its_list_of_strips_is_named(tmp_path: Path) -> None:
    path = tmp_path / "torn.tif"
    tifffile.imwrite(path, counts(4, 40, 40), compression="lzw", photometric="minisblack")
    with tifffile.TiffFile(path, mode="r+") as file:
        entry = file.pages[2].tags["StripByteCounts"].offset
    torn = bytearray(path.read_bytes())
    torn[entry : entry + 12] = bytes(12)
    path.write_bytes(torn)
    with pytest.raises(InputError, match=r"torn\.tif: damaged: page 3 "):
        open_movie(path)
