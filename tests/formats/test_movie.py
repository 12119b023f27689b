"""Movies of every kind, read back from files that independent programs wrote."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import mrcfile
import numpy as np
import pytest
import tifffile

from frazil.formats.movie import open_movie
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
