import sys
from pathlib import Path

import numpy as np
import pytest

from frazil.compute.motion.frame_kernels import bin_frame, sum_rows
from frazil.compute.motion.prepare import PreparedMovie, choose_binning, prepare_movie
from frazil.model.errors import InputError

sys.path.insert(0, str(Path(__file__).parent))
from movies import ArrayMovie  # type: ignore[import-not-found,unused-ignore]


def _movie(
    seed: int = 0, frames: int = 6, height: int = 203, width: int = 310, mean: float = 3.0
) -> np.ndarray:
    return np.random.default_rng(seed).poisson(mean, (frames, height, width)).astype(np.uint8)


def test_aligned_pixels_are_three_to_three_and_a_half() -> None:
    for pixel in (0.5, 0.66, 0.83, 0.85, 1.0, 1.06, 1.1):
        assert 2.9 < pixel * choose_binning(pixel) <= 3.4
    assert choose_binning(5.0) == 1
    assert choose_binning(0.83) == 4
    assert choose_binning(0.83, 5760 * 4092) == 4
    assert choose_binning(1.0, 1400 * 1400) == 2
    assert choose_binning(1.0, 1024 * 1024) == 1, "ice shows in fine detail"
    assert choose_binning(0.5, 1024 * 1024) == 2
    assert choose_binning(1.5, 1500 * 1000) == 2, "never finer than 2 Å"
    with pytest.raises(InputError, match="pixel size"):
        choose_binning(-1.0)


def stream(movie: PreparedMovie) -> np.ndarray:
    return np.stack([movie.binned.frame(f) for f in range(movie.frames)])


def test_frames_for_alignment_are_the_binned_movie_and_raw_the_movie() -> None:
    frames = _movie()
    movie = prepare_movie(ArrayMovie(frames), binning=4, hot_pixel_sigma=0.0)
    assert movie.raw.dtype == np.uint8
    np.testing.assert_array_equal(movie.raw, frames)
    blocks = frames[:, :200, :308].reshape(6, 50, 4, 77, 4).sum(axis=(2, 4))
    np.testing.assert_array_equal(stream(movie), blocks)
    np.testing.assert_allclose(movie.frame_means, blocks.mean((1, 2)) / 16, rtol=1e-6)
    assert movie.gain.size == 0
    assert movie.mean_per_pixel == pytest.approx(18.0, rel=0.01)
    assert movie.frame_stds == pytest.approx(np.sqrt(3.0), rel=0.05)


@pytest.mark.parametrize("kind", ["uint8", "float32"])
@pytest.mark.parametrize(
    ("binning", "shape"), [(1, (9, 40)), (2, (33, 47)), (3, (40, 62)), (5, (47, 83)), (16, (7, 9))]
)
def test_sums_of_blocks_and_of_frames(kind: str, binning: int, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(binning)
    frames = rng.poisson(4.0, (5, *shape)).astype(kind)
    gain = rng.uniform(0.5, 1.5, shape).astype(np.float32)
    rows, columns = max(shape[0] // binning, 1), max(shape[1] // binning, 1)
    padded = np.zeros((5, rows * binning, columns * binning))
    fits = np.s_[:, : min(shape[0], rows * binning), : min(shape[1], columns * binning)]
    padded[fits] = (frames * gain)[fits]
    exact = padded.reshape(5, rows, binning, columns, binning).sum(axis=(2, 4))
    found = np.empty((rows, columns), np.float32)
    none = np.empty((0, 0), np.float32)
    for frame, expected in zip(frames, exact, strict=True):
        bin_frame(frame, gain, none, binning, found)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    total = np.full(shape, 99.0, np.float32)
    sum_rows(frames, 2, shape[0] - 1, total)
    np.testing.assert_array_equal(total[2:-1], frames.sum(0)[2:-1])
    assert (total[:2] == 99.0).all()
    assert (total[-1] == 99.0).all()


@pytest.mark.parametrize("strength", [0.03, 0.3])
def test_gain_of_any_level_weak_or_strong(strength: float) -> None:
    rng = np.random.default_rng(1)
    gain = rng.normal(1.0, strength, (200, 300)).clip(0.3, 2.0)
    frames = rng.poisson(30.0 / gain, (3, 200, 300)).astype(np.uint16)
    movie = prepare_movie(ArrayMovie(frames), gain=7.0 * gain, binning=3, hot_pixel_sigma=0.0)
    assert movie.gain.mean() == pytest.approx(1.0, rel=1e-5)
    corrected = frames * (gain / gain.mean())
    exact = corrected[:, :198].reshape(3, 66, 3, 100, 3).sum(axis=(2, 4))
    if strength > 0.1:
        np.testing.assert_allclose(stream(movie), exact, rtol=1e-4)
    else:
        # The block's mean gain stands for each pixel's: what it misses is far below the noise.
        assert np.std(stream(movie) - exact) < 0.1 * np.std(exact)
    assert movie.gain_spread == pytest.approx(1.0, abs=0.03)
    assert abs(movie.gain_correlation) < 0.03


def test_wrong_gain_is_noticed() -> None:
    rng = np.random.default_rng(2)
    gain = rng.normal(1.0, 0.05, (400, 400))
    frames = rng.poisson(10.0 / gain, (10, 400, 400)).astype(np.uint8)
    turned = prepare_movie(ArrayMovie(frames), gain=gain[::-1])
    assert turned.gain_correlation > 0.2
    assert turned.gain_spread > 1.1


def test_defects_holes_and_hot_pixels_are_replaced_and_listed() -> None:
    rng = np.random.default_rng(3)
    frames = rng.poisson(4.0, (12, 180, 240)).astype(np.uint8)
    gain = np.ones((180, 240))
    gain[:, 77] = 0.0
    gain[5, 6] = np.inf
    defects = np.zeros((180, 240), dtype=np.bool_)
    defects[100:103, 50:53] = True
    frames[:, 20, 30] = 60
    frames[:, 100:103, 50:53] = 255
    frames[:, :, 77] = 0
    movie = prepare_movie(ArrayMovie(frames), gain=gain, defects=defects)
    bad = {tuple(pair) for pair in movie.bad_pixels.tolist()}
    assert {(77, 0), (77, 179), (6, 5), (30, 20), (51, 101)} <= bad
    assert len(bad) < 180 + 1 + 9 + 1 + 5
    assert movie.raw.max() < 30
    assert (movie.gain > 0).all()
    corrected = (movie.raw * movie.gain).sum(0)
    assert corrected[:, 77].mean() == pytest.approx(48.0, rel=0.05)
    assert corrected[101, 51] == pytest.approx(48.0, rel=0.4)
    assert stream(movie).max() < 16 * 12


def test_blank_saturated_and_strange_frames_are_left_out_with_a_reason() -> None:
    frames = _movie(frames=9)
    frames[2] = 0
    frames[4] = 255
    frames[6] = frames[6] // 4
    movie = prepare_movie(ArrayMovie(frames))
    assert np.flatnonzero(~movie.good).tolist() == [2, 4, 6]
    assert movie.notes[0] == "frame 3 is left out: it is blank"
    assert "saturated" in movie.notes[1]
    assert "mean" in movie.notes[2]


def test_frames_with_nan_are_left_out() -> None:
    frames = _movie(frames=5).astype(np.float32)
    frames[1, 10, 10] = np.nan
    movie = prepare_movie(ArrayMovie(frames))
    assert movie.good.tolist() == [True, False, True, True, True]
    assert "finite" in movie.notes[0]


def test_all_frames_blank() -> None:
    movie = prepare_movie(ArrayMovie(np.zeros((4, 100, 100), np.uint8)))
    assert not movie.good.any()
    assert len(movie.notes) == 4


def test_range_of_frames() -> None:
    frames = _movie(frames=8)
    movie = prepare_movie(ArrayMovie(frames), first_frame=2, last_frame=4, hot_pixel_sigma=0.0)
    np.testing.assert_array_equal(movie.raw, frames[2:5])
    assert movie.first_frame == 2
    with pytest.raises(InputError, match=r"frames 10 to 8 .* has 8 frames"):
        prepare_movie(ArrayMovie(frames), first_frame=9)


@pytest.mark.parametrize("kind", ["int8", "uint16", "int16", "float32", "int32", "float64", "float16"])
def test_every_type_of_pixel(kind: str) -> None:
    frames = _movie().astype(kind)
    movie = prepare_movie(ArrayMovie(frames), binning=2, hot_pixel_sigma=0.0)
    assert movie.raw.dtype == (kind if kind in ("int8", "uint16", "int16", "float32") else "float32")
    blocks = frames[:, :202].astype(np.float64).reshape(6, 101, 2, 155, 2).sum(axis=(2, 4))
    np.testing.assert_allclose(stream(movie), blocks)


def test_number_of_threads_changes_nothing() -> None:
    frames = _movie(frames=7)
    frames[:, 50, 60] = 200
    one = prepare_movie(ArrayMovie(frames), threads=1)
    many = prepare_movie(ArrayMovie(frames), threads=5)
    np.testing.assert_array_equal(one.raw, many.raw)
    np.testing.assert_array_equal(one.binned.means, many.binned.means)
    np.testing.assert_array_equal(one.binned.stds, many.binned.stds)
    np.testing.assert_array_equal(one.bad_pixels, many.bad_pixels)


def test_sizes_that_do_not_fit_and_hopeless_gains_are_refused() -> None:
    source = ArrayMovie(_movie(), "April12.tif")
    with pytest.raises(
        InputError, match=r"April12.tif: frames have 310 x 203 pixels, the gain reference 203 x 310"
    ):
        prepare_movie(source, gain=np.ones((310, 203)))
    with pytest.raises(InputError, match="defect map"):
        prepare_movie(source, defects=np.zeros((3, 3), dtype=np.bool_))
    with pytest.raises(InputError, match="all pixels are bad"):
        prepare_movie(source, gain=np.zeros((203, 310)))


def test_frames_smaller_than_a_bin() -> None:
    movie = prepare_movie(ArrayMovie(_movie(height=3, width=2)), binning=4)
    assert movie.binned.shape == (6, 1, 1)
