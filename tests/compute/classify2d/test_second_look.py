"""Particles that were lost among poor averages are found again among good ones, and no other is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tests.compute.classify2d.test_engine import at_truth, visit_all

from frazil.compute.classify2d.second_look import look_again
from frazil.compute.classify2d.stage import Stage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.microscope.particles import ParticleTruth

FINE = Stage(20.0, 5.0, 5.0, 4.0)
WIDE = Stage(25.0, 7.5, 28.0, 11.0)


def test_particles_at_wrong_centres_are_found_again() -> None:
    engine, made = at_truth(snr=0.15, count=400, views=4, seed=11)
    columns, rows = engine.bank.columns, np.arange(400)
    lost = rows[::5]
    engine.remove(lost)
    wrong = columns["offset_a"][lost] + np.array([17.0, -12.0])
    engine.sample_at(lost, lambda some: made.images[some], wrong)
    columns["pose"][lost] = 0.0
    visit_all(engine, FINE)
    assert not _at_their_centres(engine.bank.columns, made.truth)[lost].any()
    for some in np.array_split(np.random.default_rng(0).permutation(rows), 4):
        look_again(engine, np.sort(some), lambda those: made.images[those], WIDE, FINE)
    right = _at_their_centres(columns, made.truth)
    assert right[lost].mean() > 0.9
    assert right[np.setdiff1d(rows, lost)].mean() > 0.97
    assert (columns["slot"][:400] == made.truth.view_id)[lost].mean() > 0.85


def test_the_sums_hold_each_particle_once_where_it_is_believed_to_be() -> None:
    engine, made = at_truth(snr=0.15, count=120, views=2, seed=12)
    rows = np.arange(120)
    visit_all(engine, FINE)
    report = look_again(engine, rows[:60], lambda some: made.images[some], WIDE, FINE)
    assert 60 <= report.particles <= 120
    assert abs(float(engine.sums.weight.sum()) - 120.0) < 1e-3
    largest = np.abs(engine.sums.num).max()
    engine.remove(rows)
    assert np.abs(engine.sums.num).max() < 1e-5 * largest


def test_it_gives_the_same_again() -> None:
    found = []
    for _ in range(2):
        engine, made = at_truth(snr=0.05, count=100, views=2, seed=13)
        visit_all(engine, FINE)
        look_again(engine, np.arange(100), lambda some, made=made: made.images[some], WIDE, FINE)
        found.append({name: engine.bank.column(name).copy() for name in ("slot", "pose", "offset_a")})
    for name, values in found[0].items():
        np.testing.assert_array_equal(values, found[1][name])


def _at_their_centres(columns: dict[str, NDArray[Any]], truth: ParticleTruth) -> NDArray[np.bool_]:
    """Whether particles are within 8 Å of their true centres."""
    c, s = np.cos(columns["pose"][:, 0]), np.sin(columns["pose"][:, 0])
    x, y = columns["pose"][:, 1], columns["pose"][:, 2]
    shift = np.stack([c * x - s * y, s * x + c * y], axis=1)
    centre = (columns["offset_a"] + shift)[: len(truth.view_id)]
    true_centre = -np.stack([truth.shift_x_a, truth.shift_y_a], axis=1)
    near: NDArray[np.bool_] = np.hypot(*(centre - true_centre).T) < 8.0
    return near
