"""RELION's polynomial: terms, sign and reference of the exported local motion."""

from __future__ import annotations

import numpy as np
import pytest

from frazil.compute.motion.polynomial import fit_polynomial, polynomial_shift_px
from frazil.model.motion import MotionField


def _linear_field(slope_a: float, frames: int = 8) -> MotionField:
    """Specimen stretches along x: u_x = slope · z · (x / width − ½)."""
    nodes_x = 6
    centre = (np.arange(nodes_x) - 1) / (nodes_x - 3) - 0.5
    nodes = np.zeros((frames, 4, nodes_x, 2))
    nodes[..., 0] = slope_a * np.arange(frames)[:, None, None] * centre
    zero = np.zeros((frames, 2))
    return MotionField(601, 401, 0.8, zero, zero, nodes)


def test_a_linear_stretch_is_one_coefficient_with_relions_sign() -> None:
    coefficients, rms = fit_polynomial(_linear_field(2.0))
    expected = np.zeros(36)
    # Term x · z, first power of z; a specimen that moves by +u is brought back by −u.
    expected[3] = -2.0 / 0.8 * 601 / 600
    # The field's own x runs over width − 1 pixels.
    assert rms < 1e-9
    assert coefficients[3] == pytest.approx(expected[3], rel=1e-6)
    others = np.delete(coefficients, [0, 3])
    assert np.abs(others).max() < 1e-6


def test_evaluation_matches_the_written_formula() -> None:
    rng = np.random.default_rng(3)
    c = rng.normal(size=36)
    x, y, z = 0.21, -0.4, 3
    terms = [1, x, x * x, y, y * y, x * y]
    expected = [
        sum(c[18 * axis + 3 * p + m - 1] * terms[p] * z**m for p in range(6) for m in (1, 2, 3))
        for axis in (0, 1)
    ]
    np.testing.assert_allclose(polynomial_shift_px(c, x, y, 5)[3], expected, rtol=1e-12)
    assert not polynomial_shift_px(c, x, y, 5)[0].any()


def test_a_still_field_has_no_coefficients() -> None:
    coefficients, rms = fit_polynomial(MotionField.still(5, 100, 80, 1.0))
    assert not coefficients.any()
    assert rms == 0.0
