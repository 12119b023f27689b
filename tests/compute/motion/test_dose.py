import numpy as np
import pytest

from frazil.compute.motion.dose import (
    critical_dose_e_per_a2,
    dose_groups,
    dose_weights,
    mid_frame_dose_e_per_a2,
    voltage_factor,
)


def test_critical_dose_of_grant_and_grigorieff() -> None:
    resolution = np.array([20.0, 10, 8, 6, 5, 4, 3, 2])
    expected = [38.73, 14.14, 10.63, 7.652, 6.386, 5.277, 4.340, 3.591]
    np.testing.assert_allclose(critical_dose_e_per_a2(1.0 / resolution), expected, rtol=5e-4)


def test_voltages() -> None:
    assert [voltage_factor(v) for v in (300, 200, 120, 100)] == [1.0, 0.8, 0.571, 0.498]
    assert critical_dose_e_per_a2(0.2, 200.0) == pytest.approx(0.8 * critical_dose_e_per_a2(0.2))


def test_weights_are_one_at_zero_and_exp_minus_half_at_the_critical_dose() -> None:
    dose = float(critical_dose_e_per_a2(0.25))
    weights = dose_weights(np.array([[0.0, 0.25]]), np.array([0.0, dose]))
    assert weights.shape == (2, 1, 2)
    np.testing.assert_allclose(weights[:, 0, 0], 1.0)
    np.testing.assert_allclose(weights[:, 0, 1], [1.0, np.exp(-0.5)])


def test_weighted_sum_is_the_same_for_dose_in_the_middle_and_at_the_end_of_equal_frames() -> None:
    k = np.linspace(0.01, 0.6, 50)
    dose = mid_frame_dose_e_per_a2(30, 1.3, 2.0)
    assert dose[0] == pytest.approx(2.65)
    middle, end = dose_weights(k, dose), dose_weights(k, dose + 0.65)
    np.testing.assert_allclose(
        middle / np.sqrt((middle**2).sum(0)), end / np.sqrt((end**2).sum(0)), rtol=1e-12
    )


def test_gain_in_signal_over_the_plain_sum() -> None:
    weights = dose_weights(1.0 / np.array([20.0, 10, 5, 4, 3]), mid_frame_dose_e_per_a2(40, 1.25))
    gain = (weights**2).sum(0) * 40 / weights.sum(0) ** 2
    np.testing.assert_allclose(gain, [1.03, 1.25, 2.04, 2.41, 2.89], atol=0.01)


def test_groups() -> None:
    np.testing.assert_array_equal(
        dose_groups(mid_frame_dose_e_per_a2(10, 1.0, 7.0), 4.0), [0] * 4 + [1] * 4 + [2] * 2
    )
    np.testing.assert_array_equal(dose_groups(mid_frame_dose_e_per_a2(3, 9.0), 4.0), [0, 1, 2])
    assert dose_groups(mid_frame_dose_e_per_a2(1, 1.0), 4.0).tolist() == [0]
    assert dose_groups(mid_frame_dose_e_per_a2(5, 0.0), 4.0).tolist() == [0] * 5
    many = dose_groups(mid_frame_dose_e_per_a2(200, 1.0), 4.0, most=12)
    assert many.max() == 11
    assert np.unique(many).size == 12
