"""Ice, carbon and damage against published numbers."""

from __future__ import annotations

import numpy as np
import pytest

from frazil.microscope.form_factors import atom_in_ice_a, water_factor_a
from frazil.microscope.solids import (
    ICE_POTENTIAL_V,
    damage_dose_e_per_a2,
    ice_correlation,
    ice_left_after_sum,
    ice_phase_psd,
)


def test_critical_dose_table() -> None:
    """Grant & Grigorieff's curve at 300 kV, and the factor for 200 kV."""
    for resolution_a, dose in [(20.0, 38.73), (10.0, 14.14), (5.0, 6.386), (3.0, 4.340)]:
        assert float(damage_dose_e_per_a2(1.0 / resolution_a, 300.0)) == pytest.approx(dose, rel=1e-3)
    ratio = damage_dose_e_per_a2(0.2, 200.0) / damage_dose_e_per_a2(0.2, 300.0)
    assert float(ratio) == pytest.approx(0.80, abs=0.005)


def test_mean_inner_potential_of_ice() -> None:
    # Vulovic et al. (2013): 4.53 V for amorphous ice of neutral atoms at 0.93 g/cm3.
    assert pytest.approx(4.55, abs=0.1) == ICE_POTENTIAL_V


def test_water_ring_lies_at_3_7_angstrom() -> None:
    k = np.linspace(0.1, 0.45, 400)
    structure = ice_phase_psd(k, 300.0, 300.0) / water_factor_a(k) ** 2
    assert 1.0 / k[np.argmax(structure)] == pytest.approx(3.7, abs=0.1)


def test_ice_left_after_a_sum_is_the_mean_correlation() -> None:
    moments = (np.arange(400) + 0.5) * 0.1
    for k in [0.02, 0.1, 0.27]:
        pairs = ice_correlation(k, np.abs(moments[:, None] - moments[None, :]))
        assert float(ice_left_after_sum(k, 40.0)) == pytest.approx(np.sqrt(pairs.mean()), rel=0.01)


def test_protein_outweighs_the_ice_that_it_displaces() -> None:
    # About 3.3 V above ice for an average protein: 5 C, 1.35 N, 1.5 O in 134 Å³.
    share = {"C": 4.9, "N": 1.36, "O": 1.48, "S": 0.04}
    total = sum(n * float(atom_in_ice_a(element, 0.0)) for element, n in share.items())
    assert 2.0 < 47.878 * total / 134.0 < 4.0
