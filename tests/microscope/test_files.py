"""What is written is what was simulated, in the right row order."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import imagecodecs
import mrcfile
import numpy as np
import pytest
import tifffile

from frazil.microscope.acquisition import acquire, exposures
from frazil.microscope.eer_events import encode_frame
from frazil.microscope.exposure import simulate_movie
from frazil.microscope.files import write_gain, write_movie
from frazil.microscope.settings import ExposureSettings

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = ExposureSettings(
    height_px=96,
    width_px=160,
    frames=3,
    specimens=("haemoglobin",),
    dose_per_frame_e_per_a2=1.0,
    hot_pixels=0.0,
)


def test_tiff_is_lzw_and_upside_down(tmp_path: Path) -> None:
    movie = simulate_movie(SETTINGS)
    write_movie(tmp_path / "m.tiff", movie, "tiff")
    with tifffile.TiffFile(tmp_path / "m.tiff") as tiff:
        assert tiff.pages[0].compression == tifffile.COMPRESSION.LZW
        pages = tiff.asarray()
    np.testing.assert_array_equal(pages[:, ::-1], movie.read())


def test_mrc(tmp_path: Path) -> None:
    movie = simulate_movie(SETTINGS)
    write_movie(tmp_path / "m.mrcs", movie, "mrc")
    with mrcfile.open(tmp_path / "m.mrcs", permissive=True) as mrc:
        np.testing.assert_array_equal(mrc.data, movie.read())
        assert mrc.voxel_size.x == pytest.approx(1.0)


@pytest.mark.parametrize("run_bits", [7, 8])
def test_eer_events_add_up_to_the_frames(tmp_path: Path, run_bits: int) -> None:
    movie = simulate_movie(SETTINGS)
    path = tmp_path / "m.eer"
    write_movie(path, movie, "eer", eer_pages_per_frame=6, run_bits=run_bits)
    frames = movie.read()
    assert frames.max() <= 6
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_bigtiff
        assert len(tiff.pages) == 18
        assert b"sensorPixelSize.width" in bytes(tiff.pages[0].tags[65001].value)
        raw = []
        for page in tiff.pages:
            tiff.filehandle.seek(page.dataoffsets[0])
            data = tiff.filehandle.read(page.databytecounts[0])
            raw.append(imagecodecs.eer_decode(data, (96, 160), run_bits, 2, 2))
    total = np.array(raw, dtype=np.uint8).reshape(3, 6, 96, 160).sum(axis=1)
    np.testing.assert_array_equal(total, frames)


def test_eer_long_gaps_and_last_pixel() -> None:
    counts = np.zeros((40, 50), dtype=np.uint8)
    for last in (False, True):
        counts[-1, -1] = last
        counts[0, 0] = 2
        data, length = encode_frame(counts, 2, 7, 1)
        pages = [imagecodecs.eer_decode(data[p, : length[p]].tobytes(), (40, 50), 7, 2, 2) for p in range(2)]
        np.testing.assert_array_equal(np.sum(pages, axis=0), counts)


def test_gain_files(tmp_path: Path) -> None:
    gain = simulate_movie(SETTINGS).gain
    write_gain(tmp_path / "gain.mrc", gain, 1.0)
    with mrcfile.open(tmp_path / "gain.mrc") as mrc:
        np.testing.assert_array_equal(mrc.data, gain)
    write_gain(tmp_path / "gain.gain", gain, 1.0)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "gain.gain"), gain)


def test_session_folder_and_truth(tmp_path: Path) -> None:
    session = exposures(SETTINGS, 2, seed=5)
    files = list(acquire(tmp_path, session))
    assert [f.name for f in files] == ["movie_0001.tiff", "movie_0002.tiff"]
    truth = json.loads((tmp_path / "truth" / "movie_0002.json").read_text())
    movie = simulate_movie(session[1])
    np.testing.assert_allclose(truth["particles"]["x_px"], movie.truth.particles.x_px, atol=1e-3)
    assert truth["settings"]["defocus_u_a"] == session[1].defocus_u_a
    x, y = np.array(truth["motion"]["grid_x_px"]), np.array(truth["motion"]["grid_y_px"])
    grid = movie.truth.displacement_a(x[None, :], y[:, None])
    np.testing.assert_allclose(truth["motion"]["grid_fyxc_a"], grid, atol=1e-3)
    with np.load(tmp_path / "truth" / "movie_0002.masks.npz") as masks:
        np.testing.assert_array_equal(masks["carbon"], movie.truth.masks["carbon"])
    assert exposures(SETTINGS, 2, seed=5) == session
    clean = exposures(replace(SETTINGS, carbon="none"), 40, seed=5, varied=False)
    assert {(c.carbon, c.empty, c.ethane) for c in clean} == {("none", False, 0)}


def test_movies_arrive_in_pieces(tmp_path: Path) -> None:
    session = exposures(SETTINGS, 2, seed=5)
    start = time.monotonic()
    files = list(acquire(tmp_path, session, movies_per_hour=3600.0))
    assert time.monotonic() - start >= 1.0
    assert tifffile.imread(files[1]).shape == (3, 96, 160)
    assert not list(tmp_path.rglob(".*"))


def test_micrographs(tmp_path: Path) -> None:
    (path,) = acquire(tmp_path, exposures(SETTINGS, 1, seed=5), micrographs=True)
    with mrcfile.open(path) as mrc:
        assert mrc.data.dtype == np.float32
        assert mrc.data.shape == (96, 160)
