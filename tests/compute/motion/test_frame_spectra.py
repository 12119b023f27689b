"""Spectra of frames in which the specimen moves while they are taken."""

from __future__ import annotations

import numpy as np

from frazil.compute.motion.binned import BinnedFrames
from frazil.compute.motion.frame_spectra import FrameSpectra, travel_in_frames


def test_a_steady_drift_travels_one_step_in_each_frame() -> None:
    track = np.outer(np.arange(5), [1.5, -0.5])
    np.testing.assert_allclose(travel_in_frames(track), np.tile([1.5, -0.5], (5, 1)))


def test_an_early_burst_travels_further_in_its_first_frame_than_to_the_next() -> None:
    edges = 20.0 * (1 - np.exp(-np.arange(9) * 1.5 / 4.0))
    fine = 20.0 * (1 - np.exp(-(np.arange(8 * 200) + 0.5) / 200 * 1.5 / 4.0))
    track = np.stack([fine.reshape(8, 200).mean(1), np.zeros(8)], axis=1)
    travel = travel_in_frames(track)
    np.testing.assert_allclose(travel[:, 0], np.diff(edges), atol=0.05 * np.diff(edges)[0])
    assert not travel[:, 1].any()


def test_few_frames_travel_nowhere() -> None:
    assert not travel_in_frames(np.array([[0.0, 0.0], [3.0, 1.0]])).any()


def test_detail_along_the_way_of_a_fast_frame_counts_for_nothing() -> None:
    frames = np.random.default_rng(3).poisson(5.0, (6, 96, 96)).astype(np.uint8)
    nothing = np.empty((0, 0), dtype=np.float32)
    binned = BinnedFrames.measured(frames, nothing, nothing, 1)
    movie = FrameSpectra(
        binned, (96, 96), 3.0, np.ones(6), np.linspace(0.5, 5.5, 6), 300.0, "cpu", 1
    )  # fmt: skip
    track = np.zeros((6, 2))
    track[:, 0] = 10.0 * np.array([0, 1, 2, 3, 4, 5])
    moved = movie.frames(100.0, 8.0, shift_a=track)
    at_zero = (moved.band.kx - 1 / 10.0).abs().argmin()
    still = movie.frames(100.0, 8.0)
    inside = moved.band.ring[:, at_zero] < moved.band.rings
    left = moved.values[2][inside, at_zero].abs().mean() / still.values[2][inside, at_zero].abs().mean()
    assert left < 0.1
    # Across the way nothing is lost, so a ring keeps part of its power; and the books agree.
    assert 0.05 < moved.kept[2, -1] / still.kept[2, -1] < 0.6
    power = sum(moved.band.ring_mean(v.real**2 + v.imag**2) for v in moved.values)
    np.testing.assert_allclose(moved.own_power, power, rtol=1e-4)
