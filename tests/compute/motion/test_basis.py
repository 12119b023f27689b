"""Priors of motion: their covariance is that of the process they describe."""

from __future__ import annotations

import numpy as np
import pytest

from frazil.compute.motion.basis import (
    TimePrior,
    burst_beginnings,
    displacement_covariance,
    field_covariance,
    log_evidence,
    square_root,
)


def test_constant_velocity_gives_straight_motion() -> None:
    """Long memory, no decay: variance of the displacement between frames is (speed · dose)²."""
    edges = np.arange(11.0)
    covariance = displacement_covariance(edges[:-1], edges[1:], TimePrior(0.0, 0.5, 4.0, memory=1e4))
    apart = covariance[9, 9] + covariance[0, 0] - 2 * covariance[0, 9]
    assert apart == pytest.approx((0.5 * 9) ** 2, rel=1e-6)


def test_early_burst_saturates() -> None:
    """Displacement of v exp(−D/τ): differences of τ v exp(−D/τ) averaged over each frame."""
    edges = np.arange(0, 41, 1.0)
    covariance = displacement_covariance(edges[:-1], edges[1:], TimePrior(2.0, 0.0, 4.0, memory=1e4))
    path = -4.0 * 2.0 * -4.0 * np.diff(np.exp(-edges / 4.0))
    path = -path  # mean of −τ v exp(−D/τ) over a frame of 1 e/Å², up to a constant
    expected = (path[20] - path[0]) ** 2
    found = covariance[20, 20] + covariance[0, 0] - 2 * covariance[0, 20]
    assert found == pytest.approx(expected, rel=2e-3)


def test_jitter_is_independent_between_frames() -> None:
    edges = np.arange(6.0)
    base = displacement_covariance(edges[:-1], edges[1:], TimePrior(1.0, 0.1))
    shaken = displacement_covariance(edges[:-1], edges[1:], TimePrior(1.0, 0.1, jitter_a=0.3))
    np.testing.assert_allclose(shaken - base, 0.09 * np.eye(5), atol=1e-12)


def test_field_covariance_falls_with_distance() -> None:
    x = np.array([0.0, 1000.0])
    covariance = field_covariance(x, np.zeros(2), 1000.0)
    np.testing.assert_allclose(covariance, [[1.0, np.exp(-0.5)], [np.exp(-0.5), 1.0]])


def test_what_was_exposed_before_is_expected_to_move_less() -> None:
    edges = np.arange(11.0)
    prior = TimePrior(5.0, 0.2, 4.0)
    fresh, spent = (displacement_covariance(edges[:-1] + b, edges[1:] + b, prior) for b in (0.0, 20.0))
    assert fresh[-1, -1] > 20 * spent[-1, -1]
    assert len(burst_beginnings(edges[:-1], edges[1:])) == 1
    assert len(burst_beginnings(edges[:-1] + 20, edges[1:] + 20)) == 2


def test_square_root_reproduces_the_covariance() -> None:
    edges = np.arange(21.0)
    covariance = displacement_covariance(edges[:-1], edges[1:], TimePrior(3.0, 0.3))
    root = square_root(covariance)
    assert root.shape[1] < 20
    np.testing.assert_allclose(root @ root.T, covariance, atol=2e-5 * covariance.max())


def test_evidence_is_the_integral_over_the_prior() -> None:
    """One unknown: ∫ N(z; 0, 1) exp(b r z − ½ h r² z²) dz, by quadrature."""
    root, information, score = np.array([[0.7]]), np.array([[5.0]]), np.array([[3.0]])
    z = np.linspace(-12, 12, 20001)
    value = np.exp(-0.5 * z**2 + 3.0 * 0.7 * z - 0.5 * 5.0 * (0.7 * z) ** 2) / np.sqrt(2 * np.pi)
    assert log_evidence(root, information, score) == pytest.approx(np.log(np.trapezoid(value, z)), rel=1e-9)
