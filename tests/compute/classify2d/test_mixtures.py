"""Two classes that hold the same two views begin anew; what is right already stays."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.compute.classify2d.test_engine import at_truth, visit_all

from frazil.compute.classify2d import mixtures
from frazil.compute.classify2d.mixtures import part_or_merge
from frazil.compute.classify2d.stage import Stage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.engine import Engine

FINE = Stage(20.0, 5.0, 5.0, 4.0)


def test_two_classes_with_the_same_mixture_are_parted() -> None:
    engine, made = at_truth(snr=0.1, count=480, views=4, seed=26)
    view, rows = made.truth.view_id, np.arange(480)
    engine.remove(rows)
    both = rows[view <= 1]
    engine.place(both[::2], 0)
    engine.place(both[1::2], 1)
    for own in (2, 3):
        engine.place(rows[view == own], own)
    # Each is as likely in one as in the other.
    columns = engine.bank.columns
    columns["top_slot"][both, :2] = (0, 1)
    columns["top_probability"][both, :2] = 0.5
    before = np.array([np.bincount(view[columns["slot"][:480] == k], minlength=4)[:2] for k in (0, 1)])
    assert before.max(axis=1).sum() < 0.65 * before.sum()
    touched = part_or_merge(engine, FINE, 4)
    assert len(touched) == 1
    np.testing.assert_array_equal(touched[0], both)
    after = np.array([np.bincount(view[columns["slot"][:480] == k], minlength=4)[:2] for k in (0, 1)])
    assert after.max(axis=1).sum() > 0.85 * after.sum()
    assert set(after.argmax(axis=1).tolist()) == {0, 1}
    # Each particle is in the sums once.
    held = engine.bank.column("draw_weight").sum(axis=1)
    assert abs(float(engine.sums.weight.sum()) - float(held.sum())) < 1e-3
    largest = np.abs(engine.sums.num).max()
    engine.remove(rows)
    assert np.abs(engine.sums.num).max() < 1e-5 * largest


def test_classes_of_one_view_each_stay_as_they_are() -> None:
    engine, _ = at_truth(snr=0.1, count=480, views=4, seed=27)
    visit_all(engine, FINE)
    before = engine.bank.column("slot").copy()
    assert part_or_merge(engine, FINE, 4) == []
    np.testing.assert_array_equal(engine.bank.column("slot"), before)


@cache
def eight_views() -> tuple[Engine, NDArray[np.int64]]:
    """Eight views in classes of their own, and two empty classes; view of each row."""
    engine, made = at_truth(snr=0.2, count=1200, views=10, seed=28)
    view, rows = made.truth.view_id.astype(np.int64), np.arange(1200)
    engine.remove(rows[view > 7])
    engine.bank.columns["alive"][rows[view > 7]] = False
    engine.bank.columns["slot"][rows[view > 7]] = -1
    return engine, view


def one_view_in_two_classes() -> tuple[Engine, NDArray[np.int64]]:
    """Eight views in ten classes: each half of view 0 in one of two, one class empty; view of each row."""
    engine, view = deepcopy(eight_views())
    rows = np.arange(1200)
    engine.place(rows[view == 0][1::2], 8)
    columns = engine.bank.columns
    columns["top_probability"][rows] = 0.0
    columns["top_slot"][rows, 0], columns["top_probability"][rows, 0] = columns["slot"][rows], 1.0
    halves = rows[view == 0]
    columns["top_slot"][halves, :2] = (0, 8)
    columns["top_probability"][halves, :2] = 0.5
    return engine, view


@pytest.mark.parametrize("part", [True, False])
def test_two_classes_of_one_view_become_one(part: bool) -> None:
    engine, view = one_view_in_two_classes()
    others = engine.bank.columns["slot"][:1200][view > 0].copy()
    touched = part_or_merge(engine, FINE, 10, part=part)
    assert len(touched) == 1
    np.testing.assert_array_equal(touched[0], np.flatnonzero(view == 0))
    slot = engine.bank.columns["slot"][:1200]
    assert np.unique(slot[view == 0]).tolist() == [0]
    np.testing.assert_array_equal(slot[view > 0], others)
    assert engine.sums.weight[:, 8].sum() == 0.0 and np.abs(engine.sums.num[:, 8]).max() == 0.0
    held = engine.bank.column("draw_weight").sum(axis=1)
    assert abs(float(engine.sums.weight.sum()) - float(held.sum())) < 1e-3
    largest = np.abs(engine.sums.num).max()
    engine.remove(np.flatnonzero(view <= 7))
    assert np.abs(engine.sums.num).max() < 1e-5 * largest


def test_classes_stay_two_where_too_few_would_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = one_view_in_two_classes()
    before = engine.bank.column("slot").copy()
    monkeypatch.setattr(mixtures, "_IN_USE", 0.85)
    assert part_or_merge(engine, FINE, 10, part=False) == []
    np.testing.assert_array_equal(engine.bank.column("slot"), before)


def test_two_views_that_share_particles_do_not_become_one() -> None:
    engine, view = one_view_in_two_classes()
    both, columns = np.flatnonzero((view == 1) | (view == 2)), engine.bank.columns
    engine.remove(both[::2])
    columns["top_slot"][both, :2] = (1, 2)
    columns["top_probability"][both, :2] = 0.5
    part_or_merge(engine, FINE, 10, part=False)
    assert set(np.unique(columns["slot"][both[1::2]]).tolist()) == {1, 2}


def test_no_class_or_one_is_no_pair() -> None:
    engine, _ = one_view_in_two_classes()
    assert part_or_merge(engine, FINE, 0) == part_or_merge(engine, FINE, 1) == []
