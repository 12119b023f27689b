"""The likelihood of global motion: its gradient, its curvature and the correlation peak."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from frazil.compute.motion.likelihood import (
    Frames,
    fisher_information,
    log_likelihood_and_gradient,
    ring_weight,
)
from frazil.compute.motion.search import find_shift
from frazil.compute.motion.spectra import Band, band_of, ramps

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _frames(
    seed: int, count: int = 5, size: int = 96, signal: float = 0.5
) -> tuple[Frames, NDArray[np.float64]]:
    """Frames of one specimen with unit noise, at shifts returned with them."""
    rng = np.random.default_rng(seed)
    band = band_of((size, size), (3.0, 3.0), 300.0, 8.0)
    shape = (len(band.rows), len(band.columns))
    noise = (rng.standard_normal((count + 1, *shape, 2)) @ np.array([1, 1j])) / np.sqrt(2)
    shift = rng.normal(size=(count, 2)) * 0.5
    inside = (band.ring < band.rings).numpy()
    spectra = torch.as_tensor(noise[1:] * inside, dtype=torch.complex64)
    along_y, along_x = ramps(band, torch.as_tensor(-shift, dtype=torch.float32))
    spectra += torch.as_tensor(np.sqrt(signal) * noise[0] * inside, dtype=torch.complex64) * along_y * along_x
    kept = np.ones((count, band.rings))
    own = np.stack([band.ring_mean(f.real**2 + f.imag**2) for f in spectra]).sum(0)
    return Frames(band, spectra, kept, own, np.zeros((count, 2))), shift


def _double(frames: Frames) -> Frames:
    """Run the likelihood in double precision for finite differences."""
    band = frames.band
    exact = Band(
        band.rows, band.columns, band.ky.double(), band.kx.double(), band.ring, band.rings, band.ring_width,
        band.count, band.ring_k,
    )  # fmt: skip
    return Frames(exact, frames.values.to(torch.complex128), frames.kept, frames.own_power, frames.shift_a)


def test_gradient_matches_finite_differences() -> None:
    frames, _ = _frames(1)
    frames = _double(frames)
    signal = np.linspace(0.6, 0.1, frames.band.rings)
    weight = ring_weight(signal, frames.kept)
    _, gradient = log_likelihood_and_gradient(frames, weight)
    step = 1e-2
    for frame, axis in ((0, 0), (2, 1), (4, 0)):
        values = []
        for side in (step, -step):
            moved = np.zeros((5, 2))
            moved[frame, axis] = side
            copy = Frames(frames.band, frames.values.clone(), frames.kept, frames.own_power, np.zeros((5, 2)))
            copy.move_to(moved)
            values.append(log_likelihood_and_gradient(copy, weight)[0])
        slope = (values[0] - values[1]) / (2 * step)
        np.testing.assert_allclose(
            gradient[frame, axis], slope, rtol=2e-3, atol=1e-3 * np.abs(gradient).max()
        )


def test_parts_and_threads_give_the_same_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    frames, shift = _frames(7)
    weight = ring_weight(np.full(frames.band.rings, 0.3), frames.kept)
    in_parts = replace(frames, values=frames.values.clone(), threads=3)
    frames.move_to(shift)
    value, gradient = log_likelihood_and_gradient(frames, weight)
    whole = frames.values.sum(0)
    monkeypatch.setattr("frazil.compute.motion.likelihood._COEFFICIENTS_AT_ONCE", 1500)
    assert len(in_parts.rows_at_once()) > 5
    in_parts.move_to(shift)
    value_of_parts, gradient_of_parts = log_likelihood_and_gradient(in_parts, weight)
    assert torch.allclose(in_parts.total(), whole, atol=1e-5)
    assert value_of_parts == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(gradient_of_parts, gradient, atol=1e-5 * np.abs(gradient).max())


def test_a_common_shift_changes_nothing() -> None:
    frames, _ = _frames(2)
    weight = ring_weight(np.full(frames.band.rings, 0.3), frames.kept)
    before, gradient = log_likelihood_and_gradient(frames, weight)
    np.testing.assert_allclose(gradient.sum(0), 0, atol=1e-3 * np.abs(gradient).max())
    frames.move_to(np.full((5, 2), 3.7))
    after, _ = log_likelihood_and_gradient(frames, weight)
    assert abs(after - before) < 1e-4 * before
    information = fisher_information(frames.band, weight, np.full(frames.band.rings, 0.3), frames.kept)
    np.testing.assert_allclose(information.sum(0), 0, atol=1e-9 * information.max())


def test_the_likelihood_is_in_nats() -> None:
    """Score statistics at the truth: the covariance of the gradient is the Fisher information."""
    squares = []
    for seed in range(40):
        frames, shift = _frames(seed, size=64, signal=0.3)
        frames.move_to(shift)
        power = np.full(frames.band.rings, 0.3)
        weight = ring_weight(power, frames.kept)
        _, gradient = log_likelihood_and_gradient(frames, weight)
        information = fisher_information(frames.band, weight, power, frames.kept)
        squares.append((gradient**2).mean(1) / np.diag(information))
    # 40 movies x 5 frames x 2 axes: a standard error of about 0.08.
    assert abs(np.mean(squares) - 1) < 0.25


def test_signal_power_is_measured_without_bias() -> None:
    powers = []
    for seed in range(5):
        frames, shift = _frames(seed, signal=0.4)
        frames.move_to(shift)
        found = frames.estimate_signal()
        powers.append(np.average(found, weights=frames.band.count))
    assert abs(np.mean(powers) - 0.4) < 0.03


def test_correlation_peak_has_the_sign_of_the_displacement() -> None:
    frames, _ = _frames(3, count=1)
    reference = frames.values[0].clone()
    frames.move_to(np.array([[-11.0, 7.0]]))
    flat = frames.band.spread(np.full(frames.band.rings, 0.2))
    found = find_shift(frames.band, reference, frames.values[0], flat, np.zeros(2), 100.0)
    np.testing.assert_allclose(found, [11.0, -7.0], atol=0.5)
