import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frazil.compute.motion.sum_plan import choose_tile_size
from frazil.compute.motion.sums import FrameSums, sum_frames
from frazil.compute.motion.tiles import tile_window
from frazil.model.errors import InputError
from frazil.model.motion import MotionField

sys.path.insert(0, str(Path(__file__).parent))
from movies import band_limited, moved, prepared  # type: ignore[import-not-found,unused-ignore]

PIXEL_A = 0.9
SHAPE = (300, 420)


def _sum(frames: np.ndarray, field: MotionField, **options: Any) -> FrameSums:
    settings = {
        "pixel_size_a": PIXEL_A,
        "voltage_kv": 300.0,
        "dose_per_frame_e_per_a2": 1.2,
        "threads": 1,
        "periodograms": False,
    } | options
    movie = settings.pop("movie", None)
    return sum_frames(movie or prepared(frames), field, **settings)


def _track(shift_px: np.ndarray, shape: tuple[int, int] = SHAPE) -> MotionField:
    return MotionField(shape[1], shape[0], PIXEL_A, shift_px * PIXEL_A, np.zeros_like(shift_px))


def _noise(seed: int, frames: int = 6, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    return np.random.default_rng(seed).normal(5.0, 1.0, (frames, *shape)).astype(np.float32)


@pytest.mark.parametrize(("limit", "worst"), [(0.5, 2e-5), (0.8, 3e-5), (0.9, 6e-4)])
def test_frames_come_back_to_where_the_first_one_was(limit: float, worst: float) -> None:
    rng = np.random.default_rng(4)
    # Faded out at the rim: a cut through detail rings, whoever shifts it.
    fade = np.outer(tile_window(300, 80), tile_window(420, 80))
    spectrum = np.fft.rfft2(fade * moved(band_limited(rng, SHAPE, limit), SHAPE, 0.0, 0.0))
    shift = np.array([[0.0, 0.0], [3.3, -2.25], [-7.5, 5.55], [0.49, 11.0]])
    frames = np.stack([3.0 + moved(spectrum, SHAPE, x, y) for x, y in shift]).astype(np.float32)
    out = _sum(frames, _track(shift), dose_weighting=False)
    truth = 4.0 * moved(spectrum, SHAPE, 0.0, 0.0)
    inside = np.s_[40:-40, 40:-40]
    error = np.sqrt(np.mean((out.micrograph - 12.0 - truth)[inside] ** 2) / np.mean(truth**2))
    assert error < worst


@pytest.mark.parametrize("size", [128, 256, 512])
def test_without_motion_it_is_the_plain_sum(size: int) -> None:
    frames = _noise(1)
    out = _sum(frames, _track(np.zeros((6, 2))), dose_weighting=False, tile_size=size)
    np.testing.assert_allclose(out.micrograph, frames.sum(0), atol=1e-4)
    assert out.frames_used == 6
    assert out.pixel_size_a == PIXEL_A


@pytest.mark.parametrize("shape", [(5, 4), (17, 33), (255, 257), (90, 600)])
def test_every_size(shape: tuple[int, int]) -> None:
    frames = _noise(2, shape=shape)
    field = _track(np.zeros((6, 2)), shape)
    np.testing.assert_allclose(_sum(frames, field, dose_weighting=False).micrograph, frames.sum(0), atol=1e-4)


def test_whole_pixel_shifts_are_exact_and_the_rim_is_filled_with_the_mean() -> None:
    frames = _noise(3, frames=2)
    out = _sum(frames, _track(np.array([[0.0, 0.0], [20.0, -12.0]])), dose_weighting=False).micrograph
    # aligned(x) = frame(x + u): column 0 shows column 20 of the second frame, row 12 its row 0.
    np.testing.assert_allclose(out[12:, :-20], frames[0, 12:, :-20] + frames[1, :-12, 20:], atol=1e-4)
    mean = frames[1].mean(dtype=np.float64)
    np.testing.assert_allclose(out[:12], frames[0, :12] + mean, atol=1e-4)
    np.testing.assert_allclose(out[:, -20:], frames[0, :, -20:] + mean, atol=1e-4)


def test_a_specimen_that_left_the_field_leaves_the_mean() -> None:
    frames = _noise(4, frames=2)
    out = _sum(frames, _track(np.array([[0.0, 0.0], [9000.0, 0.0]])), dose_weighting=False).micrograph
    np.testing.assert_allclose(out, frames[0] + frames[1].mean(dtype=np.float64), atol=1e-4)


def test_local_motion_is_followed() -> None:
    rng = np.random.default_rng(5)
    side = 900
    nodes = np.zeros((2, 4, 4, 2))
    nodes[1] = rng.normal(0.0, 3.5, (4, 4, 2))
    field = MotionField(side, side, PIXEL_A, np.zeros((2, 2)), np.zeros((2, 2)), nodes)
    places = np.stack(np.meshgrid(np.arange(60, 860, 60), np.arange(60, 860, 60)), -1).reshape(-1, 2)
    frames = np.full((2, side, side), 1.0, dtype=np.float32)
    y, x = np.mgrid[-12:13, -12:13]
    for place in places:
        for frame, u in enumerate(field.displacement_a(*place) / PIXEL_A):
            blob = np.exp(-((x - u[0]) ** 2 + (y - u[1]) ** 2) / (2 * 1.8**2))
            frames[frame, place[1] - 12 : place[1] + 13, place[0] - 12 : place[0] + 13] += blob
    assert np.abs(field.displacement_a(*places.T)).max() > 2.0
    out = _sum(frames, field, dose_weighting=False, tile_size=128).micrograph - 2.0
    still = frames.sum(0) - 2.0
    errors: list[float] = []
    before: list[float] = []
    for px, py in places:
        cut = np.s_[py - 6 : py + 7, px - 6 : px + 7]
        for image, found in ((out, errors), (still, before)):
            found.append(np.abs(image[cut] - 2.0 * np.exp(-(x**2 + y**2) / (2 * 1.8**2))[6:19, 6:19]).max())
    # What is left is the motion's variation inside a tile.
    assert max(errors) < 0.12
    assert np.mean(errors) < 0.1 * np.mean(before)


def test_weighted_noise_has_the_variance_of_one_frame_at_every_frequency() -> None:
    frames = np.random.default_rng(6).normal(2.0, 1.5, (12, 512, 512)).astype(np.float32)
    shift = np.random.default_rng(7).normal(0.0, 4.0, (12, 2))
    out = _sum(frames, _track(shift, (512, 512)), dose_per_frame_e_per_a2=4.0).micrograph
    inner = out[30:-30, 30:-30] - out.mean()
    power = np.abs(np.fft.rfft2(inner)) ** 2 / inner.size / 1.5**2
    k = np.hypot(np.fft.fftfreq(452)[:, None], np.fft.rfftfreq(452)[None, :])
    for low in (0.02, 0.1, 0.2, 0.3, 0.4):
        ring = (k > low) & (k < low + 0.08)
        assert power[ring].mean() == pytest.approx(1.0, abs=5.0 / np.sqrt(ring.sum()) + 0.01)


def test_weights_are_those_of_the_dose() -> None:
    from frazil.compute.motion.dose import dose_weights

    rng = np.random.default_rng(8)
    frames = rng.normal(9.0, 1.0, (5, 256, 256)).astype(np.float32)
    out = _sum(frames, _track(np.zeros((5, 2)), (256, 256)), dose_per_frame_e_per_a2=5.0).micrograph
    k = np.hypot(np.fft.fftfreq(256, PIXEL_A)[:, None], np.fft.rfftfreq(256, PIXEL_A)[None, :])
    weights = dose_weights(k, 5.0 * (np.arange(5) + 0.5))
    spectra = np.fft.rfft2(frames.astype(np.float64))
    exact = np.fft.irfft2((weights * spectra).sum(0) / np.sqrt((weights**2).sum(0)), s=(256, 256))
    inside = np.s_[64:-64, 64:-64]
    assert np.corrcoef(out[inside].ravel(), exact[inside].ravel())[0, 1] > 0.9999


def test_half_sums_add_up_and_are_what_they_say() -> None:
    frames = _noise(9)
    field = _track(np.random.default_rng(1).normal(0, 3, (6, 2)))
    out = _sum(frames, field, half_sums=True, unweighted=True)
    assert out.odd is not None
    assert out.even is not None
    assert out.unweighted is not None
    np.testing.assert_allclose(out.odd + out.even, out.micrograph, atol=1e-5)
    plain = _sum(frames, _track(np.zeros((6, 2))), half_sums=True, dose_weighting=False)
    assert plain.odd is not None
    np.testing.assert_allclose(plain.odd, frames[0::2].sum(0), atol=1e-4)
    again = _sum(frames, field, dose_weighting=False)
    np.testing.assert_allclose(out.unweighted, again.micrograph, atol=1e-4)


def test_dose_range_of_the_plain_sum() -> None:
    frames = _noise(10)
    out = _sum(
        frames,
        _track(np.zeros((6, 2))),
        unweighted=True,
        pre_exposure_e_per_a2=2.0,
        sum_dose_range_e_per_a2=(3.5, 6.0),
    )
    # Middles of the frames: 2.6, 3.8, 5.0, 6.2, ….
    assert out.unweighted is not None
    np.testing.assert_allclose(out.unweighted, frames[1:3].sum(0), atol=1e-4)
    with pytest.raises(InputError, match="no frame lies between"):
        _sum(frames, _track(np.zeros((6, 2))), unweighted=True, sum_dose_range_e_per_a2=(50.0, 60.0))


@pytest.mark.parametrize("binning", [1.5, 2.0, 1.37])
def test_binned_output_is_the_cropped_spectrum(binning: float) -> None:
    rng = np.random.default_rng(11)
    spectrum = band_limited(rng, SHAPE, 0.4)
    frames = np.stack([moved(spectrum, SHAPE, 0.0, 0.0)] * 3).astype(np.float32) + 4.0
    out = _sum(frames, _track(np.zeros((3, 2))), dose_weighting=False, output_binning=binning)
    height, width = out.micrograph.shape
    assert abs(height - 300 / binning) <= 1
    assert abs(width - 420 / binning) <= 1
    assert out.pixel_size_a == pytest.approx(PIXEL_A * binning)
    # Sample the periodic image directly where the coarse pixels lie.
    small = np.zeros((height, width // 2 + 1), dtype=np.complex128)
    small[:61, :90], small[-60:, :90] = spectrum[:61, :90], spectrum[-60:, :90]
    level = binning**2
    truth = 3 * level * (np.fft.irfft2(small, s=(height, width)) * (height * width) / (300 * 420) + 4.0)
    np.testing.assert_allclose(out.micrograph, truth, atol=2e-3 * np.std(truth))


def test_inversion_turns_contrast_round_the_mean() -> None:
    frames = _noise(12)
    normal = _sum(frames, _track(np.zeros((6, 2)))).micrograph
    turned = _sum(frames, _track(np.zeros((6, 2))), invert=True).micrograph
    assert turned.mean() == pytest.approx(normal.mean(), rel=1e-4)
    np.testing.assert_allclose(turned - turned.mean(), normal.mean() - normal, atol=1e-4)


def test_frames_that_are_not_good_do_not_count() -> None:
    frames = _noise(13)
    frames[2] = 0.0
    movie = prepared(frames)
    out = _sum(frames, _track(np.zeros((6, 2))), movie=movie, dose_weighting=False)
    assert out.frames_used == 5
    np.testing.assert_allclose(out.micrograph, frames.sum(0), atol=1e-4)


def test_gain_and_counts() -> None:
    rng = np.random.default_rng(14)
    gain = rng.normal(1.0, 0.1, SHAPE).astype(np.float32)
    frames = rng.poisson(2.0, (4, *SHAPE)).astype(np.uint8)
    movie = prepared(frames, gain=gain)
    out = _sum(
        frames, _track(np.array([[0.0, 0], [1, 0], [0, -3], [2, 2]])), movie=movie, dose_weighting=False
    )
    corrected = frames * movie.gain
    inside = np.s_[10:-10, 10:-10]
    expected = corrected[0] + np.roll(corrected[1], -1, 1) + np.roll(corrected[2], 3, 0)
    expected += np.roll(corrected[3], (-2, -2), (0, 1))
    np.testing.assert_allclose(out.micrograph[inside], expected[inside], atol=1e-4)


def test_number_of_threads_changes_nothing() -> None:
    frames = np.random.default_rng(15).poisson(1.0, (8, 700, 900)).astype(np.uint8)
    nodes = np.random.default_rng(16).normal(0, 1, (8, 5, 6, 2))
    field = MotionField(900, 700, PIXEL_A, np.zeros((8, 2)), np.zeros((8, 2)), nodes)
    one = _sum(frames, field, periodograms=True, half_sums=True, threads=1)
    many = _sum(frames, field, periodograms=True, half_sums=True, threads=4)
    np.testing.assert_array_equal(one.micrograph, many.micrograph)
    np.testing.assert_array_equal(one.odd, many.odd)
    assert one.periodograms is not None
    assert many.periodograms is not None
    np.testing.assert_array_equal(one.periodograms.power, many.periodograms.power)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("weighted", [True, False])
def test_torch_gives_the_same(kind: str, weighted: bool) -> None:
    rng = np.random.default_rng(17)
    frames = rng.poisson(3.0, (5, 310, 290)).astype(kind)
    movie = prepared(frames, gain=rng.normal(1.0, 0.05, (310, 290)))
    nodes = rng.normal(0, 2, (5, 4, 4, 2))
    field = MotionField(290, 310, PIXEL_A, rng.normal(0, 5, (5, 2)), np.zeros((5, 2)), nodes)
    options = {"movie": movie, "dose_weighting": weighted, "half_sums": True, "unweighted": True}
    here = _sum(frames, field, periodograms=True, **options)
    there = _sum(frames, field, periodograms=True, device="cpu:0", **options)
    for name in ("micrograph", "unweighted", "odd", "even"):
        np.testing.assert_allclose(getattr(there, name), getattr(here, name), atol=3e-4, err_msg=name)
    assert here.periodograms is not None
    assert there.periodograms is not None
    np.testing.assert_allclose(there.periodograms.power, here.periodograms.power, rtol=1e-2, atol=1e-4)


def test_small_tiles_where_motion_varies_much() -> None:
    good = np.ones(3, dtype=np.bool_)
    calm = MotionField(4000, 4000, 1.0, np.zeros((3, 2)), np.zeros((3, 2)), np.zeros((3, 4, 4, 2)))
    assert choose_tile_size(calm, good) == 256
    assert choose_tile_size(MotionField.still(3, 4000, 4000, 1.0), good) == 256
    nodes = np.zeros((3, 4, 4, 2))
    nodes[2, :, :, 0] = 16.0 * np.linspace(-2, 2, 4)[None, :]
    wild = MotionField(4000, 4000, 1.0, np.zeros((3, 2)), np.zeros((3, 2)), nodes)
    assert choose_tile_size(wild, good) == 128


def test_hopeless_requests_are_refused() -> None:
    frames = _noise(18)
    with pytest.raises(InputError, match="dose per frame is 0"):
        _sum(frames, _track(np.zeros((6, 2))), dose_per_frame_e_per_a2=0.0)
    with pytest.raises(InputError, match="motion of 5 frames"):
        _sum(frames, _track(np.zeros((5, 2))))
    with pytest.raises(InputError, match="binning"):
        _sum(frames, _track(np.zeros((6, 2))), output_binning=0.5)
    blank = np.zeros((3, 64, 64), dtype=np.uint8)
    with pytest.raises(InputError, match="no frame is usable"):
        _sum(blank, _track(np.zeros((3, 2)), (64, 64)))
