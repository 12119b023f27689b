"""Frames that hold zeros or garbage in some rows are left out and named; real ones never are."""

import sys
from pathlib import Path

import numpy as np
import pytest

from frazil.compute.motion.prepare import prepare_movie
from frazil.model.errors import InputError

sys.path.insert(0, str(Path(__file__).parent))
from movies import ArrayMovie  # type: ignore[import-not-found,unused-ignore]

HEIGHT, WIDTH = 220, 310


def _movie(kind: str, frames: int = 8, mean: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(5)
    counts = rng.poisson(mean, (frames, HEIGHT, WIDTH))
    if kind == "filtered":
        return (counts - mean).astype(np.float32)
    return counts.astype(kind)


def _lose(frame: np.ndarray, what: str, first: int, bytes_lost: int) -> None:
    """Overwrite bytes in the middle of an array, from a row on."""
    lost = frame.reshape(-1).view(np.uint8)[first * WIDTH * frame.itemsize :][:bytes_lost]
    lost[:] = 0 if what == "zeros" else np.random.default_rng(6).integers(0, 256, lost.size)


@pytest.mark.parametrize("what", ["zeros", "garbage"])
@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "float32", "filtered"])
def test_lost_rows_cost_their_frame_and_nothing_else(kind: str, what: str) -> None:
    frames = _movie(kind)
    _lose(frames[3], what, 100, 8 * WIDTH * frames.itemsize)
    movie = prepare_movie(ArrayMovie(frames), binning=2)
    assert np.flatnonzero(~movie.good).tolist() == [3]
    assert movie.notes == [
        "frame 4 is left out: it is torn: rows 101 to 108 are not finite or not what other frames show there"
    ]
    assert len(movie.bad_pixels) == 0, "what the others show there is good"


def test_many_torn_frames_are_a_damaged_file() -> None:
    frames = _movie("uint8", frames=9)
    for number, frame in enumerate(frames[:5]):
        _lose(frame, "zeros", 20 + 30 * number, 20 * WIDTH)
    with pytest.raises(InputError, match=r"test.tif: the file is damaged, .* frame 1 .* 21 to 40"):
        prepare_movie(ArrayMovie(frames), binning=2)


def test_shadows_that_move_and_fading_frames_are_no_damage() -> None:
    rng = np.random.default_rng(7)
    rows = np.arange(HEIGHT)[:, None]
    columns = np.arange(WIDTH)[None]
    frames = []
    for number in range(10):
        # A bar of the grid that casts a full shadow, at a slant; it drifts by twelve rows in the first frame.
        edge = 150 + 0.15 * columns - 12.0 * np.exp(-number)
        field = np.where(rows > edge, 0.002, 1.0) * (0.4 if number == 0 else 1.0)
        frames.append(rng.poisson(2.0 * field))
    movie = prepare_movie(ArrayMovie(np.array(frames).astype(np.uint8)), binning=2, hot_pixel_sigma=0.0)
    assert movie.good.all()


def test_a_track_of_a_cosmic_ray_is_no_damage() -> None:
    for kind in ("int16", "filtered"):
        frames = _movie(kind, mean=20.0)
        frames[2, 40:120, 77] += 1500
        assert prepare_movie(ArrayMovie(frames), binning=2).good.all()


def test_few_electrons_say_nothing() -> None:
    frames = np.random.default_rng(8).poisson(0.003, (12, HEIGHT, WIDTH)).astype(np.uint8)
    assert prepare_movie(ArrayMovie(frames), binning=2, hot_pixel_sigma=0.0).good.all()
