"""Frame alignment end to end: known motion comes back, and nothing spoils it or makes it fail.

Movies are made by phase ramps: a random textured specimen under counting noise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from frazil.compute.motion.align import align_frames, motion_summary
from frazil.compute.motion.binned import BinnedFrames
from frazil.model.errors import InputError
from frazil.model.motion import MotionField

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIXEL_A = 0.8
BINNING = 4


def specimen(
    rng: np.random.Generator, size: int, pixel_a: float, b_factor_a2: float = 300.0
) -> NDArray[np.complex128]:
    """Transform of a random, band-limited specimen of unit variance."""
    field = np.fft.rfft2(rng.standard_normal((size, size)))
    ky, kx = np.fft.fftfreq(size, pixel_a)[:, None], np.fft.rfftfreq(size, pixel_a)[None, :]
    field *= np.exp(-b_factor_a2 * (ky**2 + kx**2) / 4)
    field[0, 0] = 0
    return np.asarray(field / np.fft.irfft2(field, s=(size, size)).std())


def movie(
    track_a: NDArray[np.float64],
    *,
    size: int = 192,
    pixel_a: float = 3.2,
    contrast: float = 0.3,
    counts: float = 20.0,
    seed: int = 0,
) -> torch.Tensor:
    """Poisson counts, relative to their mean, of a specimen that follows ``track_a`` (F, 2), in (x, y)."""
    rng = np.random.default_rng(seed)
    still = specimen(rng, size, pixel_a)
    ky, kx = np.fft.fftfreq(size, pixel_a)[:, None], np.fft.rfftfreq(size, pixel_a)[None, :]
    frames = []
    for x, y in track_a:
        moved = np.fft.irfft2(still * np.exp(-2j * np.pi * (kx * x + ky * y)), s=(size, size))
        frames.append(rng.poisson(np.clip(1 + contrast * moved, 0.01, None) * counts) / counts)
    return torch.as_tensor(np.stack(frames), dtype=torch.float32)


def smooth_track(frames: int, dose: float, *, total_a: float = 25.0) -> NDArray[np.float64]:
    """An early burst along one direction and a steady drift along another."""
    at = (np.arange(frames) + 0.5) * dose
    burst = 0.6 * total_a * (1 - np.exp(-at / 4.0))
    drift = 0.4 * total_a * at / at[-1]
    return np.stack([0.8 * burst - 0.5 * drift, -0.6 * burst - 0.85 * drift], axis=1)


def _align(stream: torch.Tensor, **changes: object) -> MotionField:
    settings: dict[str, object] = {
        "binning": BINNING,
        "width_px": stream.shape[2] * BINNING,
        "height_px": stream.shape[1] * BINNING,
        "pixel_size_a": PIXEL_A,
        "dose_per_frame_e_per_a2": 1.0,
    }
    nothing = np.empty((0, 0), dtype=np.float32)
    binned = BinnedFrames.measured(stream.numpy(), nothing, nothing, 1)
    return align_frames(binned, **(settings | changes))  # type: ignore[arg-type]


def _rms_error_a(field: MotionField, track_a: NDArray[np.float64]) -> float:
    middle = field.displacement_a(0.5 * field.width_px, 0.5 * field.height_px)
    error = middle - (track_a - track_a[0])
    error = error - error.mean(0)
    return float(np.sqrt((error**2).sum(1).mean()))


def test_known_motion_comes_back_to_a_twentieth_of_a_pixel() -> None:
    track = smooth_track(16, 1.0)
    field = _align(movie(track))
    assert _rms_error_a(field, track) < 0.05 * PIXEL_A * BINNING
    assert field.global_shift_a[0].tolist() == [0.0, 0.0]
    assert field.global_error_a[0].tolist() == [0.0, 0.0]
    assert np.isfinite(field.global_error_a).all()


def test_sign_and_order_of_axes() -> None:
    """A specimen that moves to larger columns has u_x > 0, whatever its rows do."""
    track = np.zeros((10, 2))
    track[:, 0] = 1.5 * np.arange(10)
    shift = _align(movie(track)).global_shift_a
    np.testing.assert_allclose(shift[-1], [13.5, 0.0], atol=0.3)


@pytest.mark.parametrize("total_a", [5.0, 40.0, 75.0])
def test_large_drifts_are_found_from_nothing(total_a: float) -> None:
    track = smooth_track(20, 1.0, total_a=total_a)
    field = _align(movie(track, counts=4.0, contrast=0.15, seed=4))
    assert _rms_error_a(field, track) < 0.5


def test_error_bars_describe_the_errors() -> None:
    """Weak movies: observed error within a factor of what the fit expects, and not below the bound."""
    errors, expected, bounds = [], [], []
    for seed in range(4):
        track = smooth_track(16, 1.0, total_a=15.0)
        field = _align(movie(track, counts=1.0, contrast=0.06, seed=seed), local=False)
        errors.append(_rms_error_a(field, track))
        expected.append(field.diagnostics["global_expected_error_a"])
        bounds.append(field.diagnostics["global_error_bound_a"])
    rms = float(np.sqrt(np.mean(np.square(errors))))
    assert 0.5 < rms / np.mean(expected) < 2.0
    # Smooth motion borrows from neighbouring frames; ten is more than it can gain.
    assert rms > 0.3 * np.mean(bounds)


def test_local_motion_is_found_and_signed_right() -> None:
    """Four strips that drift apart, the outer ones further: the field stretches along x."""
    frames, size, strip = 16, 384, 96
    burst = 1 - np.exp(-(np.arange(frames) + 0.5) / 4.0)
    burst -= burst[0]
    reach = np.array([-4.5, -1.5, 1.5, 4.5])
    strips = []
    for index, far in enumerate(reach):
        part = movie(np.stack([far * burst, 0 * burst], axis=1), size=size, seed=5)
        strips.append(part[:, :, index * strip : (index + 1) * strip])
    field = _align(torch.cat(strips, dim=2), threads=2)
    assert field.local_nodes_a is not None
    x = np.array([0.125, 0.375, 0.625, 0.875]) * field.width_px
    found = field.displacement_a(x, np.full(4, 0.5 * field.height_px))
    np.testing.assert_allclose(found[-1, :, 0], reach * burst[-1], atol=0.6)
    np.testing.assert_allclose(found[-1, :, 1], 0.0, atol=0.4)


def test_still_specimen_has_no_local_motion() -> None:
    field = _align(movie(np.zeros((12, 2)), size=256, seed=6, counts=2.0, contrast=0.1))
    x, y = np.meshgrid(np.linspace(0, field.width_px, 5), np.linspace(0, field.height_px, 5))
    assert np.abs(field.displacement_a(x, y)).max() < 0.3
    assert field.local_nodes_a is None
    assert "no local motion is seen" in field.note


def test_a_wrong_gain_does_not_pin_the_trajectory() -> None:
    """Fixed pattern as strong as the specimen is at fine detail: the shift must not be pulled to zero."""
    track = smooth_track(20, 1.0, total_a=20.0)
    frames = movie(track, counts=4.0, contrast=0.1, seed=7)
    pattern = np.random.default_rng(8).standard_normal(frames.shape[1:]) * 0.1
    pattern += 0.1 * np.random.default_rng(9).standard_normal(frames.shape[2])
    field = _align(frames * torch.as_tensor(1 + pattern, dtype=torch.float32))
    assert _rms_error_a(field, track) < 0.6


def test_blank_and_saturated_frames_are_left_out() -> None:
    track = smooth_track(16, 1.0)
    frames = movie(track)
    frames[3] = 0.0
    frames[9] = 255.0
    field = _align(frames)
    assert "4, 10" in field.note
    assert _rms_error_a(field, track) < 0.5


def test_a_frame_of_noise_only_follows_its_neighbours() -> None:
    track = smooth_track(16, 1.0)
    frames = movie(track)
    shuffled = torch.randperm(frames[8].numel(), generator=torch.Generator().manual_seed(1))
    frames[8] = frames[8].flatten()[shuffled].view_as(frames[8])
    field = _align(frames)
    assert "9" in field.note
    assert _rms_error_a(field, track) < 0.5


@pytest.mark.parametrize(("frames", "size"), [(1, 192), (2, 192), (3, 40), (5, 16)])
def test_short_and_tiny_movies(frames: int, size: int) -> None:
    track = np.stack([2.0 * np.arange(frames), -1.0 * np.arange(frames)], axis=1)
    field = _align(movie(track, size=size))
    assert field.frames == frames
    assert np.isfinite(field.displacement_a([0.0, 10.0], [5.0, 20.0])).all()
    if frames == 2:
        np.testing.assert_allclose(field.global_shift_a[1], [2.0, -1.0], atol=0.3)
    if frames == 1 or size == 16:
        assert field.note
        assert not field.global_shift_a.any()


@pytest.mark.parametrize("value", [0.0, 7.0, float("nan")])
def test_movies_without_content_stay_still(value: float) -> None:
    field = _align(torch.full((6, 64, 80), value))
    assert "not aligned" in field.note
    assert not field.global_shift_a.any()
    assert field.local_nodes_a is None


def test_pure_noise_gives_a_finite_field() -> None:
    frames = torch.as_tensor(np.random.default_rng(2).poisson(5.0, (10, 128, 128)) / 5.0, dtype=torch.float32)
    field = _align(frames)
    assert np.isfinite(field.displacement_a(10.0, 20.0)).all()


def test_the_same_movie_gives_the_same_field_whatever_the_threads() -> None:
    frames = movie(smooth_track(8, 1.0), size=128)
    first, second = _align(frames), _align(frames, threads=3)
    np.testing.assert_array_equal(first.global_shift_a, second.global_shift_a)
    if first.local_nodes_a is not None:
        np.testing.assert_array_equal(first.local_nodes_a, second.local_nodes_a)


def test_frame_weights_of_zero_leave_a_frame_out() -> None:
    track = smooth_track(12, 1.0)
    frames = movie(track)
    frames[5] = frames[5].flip(0)
    weights = np.ones(12)
    weights[5] = 0.0
    assert _rms_error_a(_align(frames, frame_weights=weights), track) < 0.5


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pixel_size_a": -1.0}, "pixel size"),
        ({"dose_per_frame_e_per_a2": 0.0}, "dose per frame"),
        ({"frame_weights": [1.0, 1.0]}, "frame weights"),
    ],
)
def test_contradictions_are_named(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        _align(torch.ones(3, 64, 64), **changes)


def test_summary_of_a_straight_walk() -> None:
    """Ten frames of 1 e/Å², steps of 3 and 4 Å along x and y: 5 Å each; three of them end within 4 e/Å²."""
    shift = np.stack([3.0 * np.arange(10), 4.0 * np.arange(10)], axis=1)
    field = MotionField(100, 100, 1.0, shift, np.zeros_like(shift))
    numbers = motion_summary(field, np.arange(1, 11))
    assert numbers == pytest.approx(
        {
            "total_a": 45.0,
            "early_a": 15.0,
            "late_a": 30.0,
            "mean_step_a": 5.0,
            "max_step_a": 5.0,
            "net_a": 45.0,
            "local_rms_a": 0.0,
        }
    )


def icy_movie(
    track_a: NDArray[np.float64], *, pixel_a: float = 1.2, size: int = 320, counts: float = 6.0, seed: int = 0
) -> torch.Tensor:
    """Counts of a coarse specimen in ice, 1 e/Å² a frame: fine detail of the ice is soon another."""
    rng = np.random.default_rng(seed)
    ky, kx = np.fft.fftfreq(size, pixel_a)[:, None], np.fft.rfftfreq(size, pixel_a)[None, :]
    keep = np.exp(-((2 * np.pi) ** 2) * (kx**2 + ky**2) / 6)
    power = 1 / (1 + np.exp(-(np.hypot(kx, ky) - 0.15) / 0.03)) * np.exp(-20 * (kx**2 + ky**2))
    ice = np.fft.rfft2(rng.standard_normal((size, size)))
    still = 0.05 * specimen(rng, size, pixel_a, 3000.0)
    frames = []
    for x, y in track_a:
        moved = (still + 0.2 * ice * np.sqrt(power)) * np.exp(-2j * np.pi * (kx * x + ky * y))
        frames.append(rng.poisson(counts * np.clip(1 + np.fft.irfft2(moved, s=(size, size)), 0.05, None)))
        ice = keep * ice + np.sqrt(1 - keep**2) * np.fft.rfft2(rng.standard_normal((size, size)))
    return torch.as_tensor(np.stack(frames) / counts, dtype=torch.float32)


def test_a_wrong_gain_does_not_pass_for_ice_that_never_moves() -> None:
    track = smooth_track(12, 1.0, total_a=6.0)
    frames = icy_movie(track)
    fine: dict[str, object] = {"binning": 1, "width_px": 320, "height_px": 320, "pixel_size_a": 1.2}
    # Half a per cent is what gain references of counting cameras leave.
    pattern = 1 + 0.005 * np.random.default_rng(1).standard_normal((320, 320))
    frames = frames * torch.as_tensor(pattern, dtype=torch.float32)
    field = _align(frames, **fine)
    assert _rms_error_a(field, track) < 0.25
    assert field.local_nodes_a is None
