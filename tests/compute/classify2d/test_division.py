"""Views that share a class are parted when their poses may follow; others stay as they are."""

from __future__ import annotations

import numpy as np
from tests.compute.classify2d.test_engine import at_truth, visit_all

from frazil.compute.classify2d.division import divide_large
from frazil.compute.classify2d.stage import Stage

FINE = Stage(20.0, 5.0, 5.0, 4.0)


def test_two_views_in_one_class_are_parted_into_the_slot_of_a_fragment() -> None:
    engine, made = at_truth(snr=0.1, count=600, views=6, seed=24)
    view, rows = made.truth.view_id, np.arange(600)
    engine.remove(rows)
    engine.place(rows[view <= 1], 0)
    for own in (2, 3, 4, 5):
        engine.place(rows[view == own], own)
    engine.place(rows[view == 2][:5], 1)
    moves = divide_large(engine, FINE, 6)
    assert [(move.free, move.parent) for move in moves] == [(1, 0)]
    slot = engine.bank.column("slot")
    parts = np.array([np.bincount(view[slot == k], minlength=6)[:2] for k in (0, 1)])
    assert parts.max(axis=1).sum() > 0.85 * parts.sum()
    assert set(parts.argmax(axis=1).tolist()) == {0, 1}
    # Each particle is in the sums once, but for those of the fragment, who wait for their next visit.
    held = engine.bank.column("draw_weight").sum(axis=1) > 0.5
    assert abs(float(engine.sums.weight.sum()) - float(held.sum())) < 1e-3
    assert set(np.flatnonzero(~held).tolist()) <= set(moves[0].touched.tolist())
    largest = np.abs(engine.sums.num).max()
    engine.remove(rows)
    assert np.abs(engine.sums.num).max() < 1e-5 * largest


def test_classes_of_like_size_stay_as_they_are() -> None:
    engine, _ = at_truth(snr=0.1, count=480, views=4, seed=22)
    visit_all(engine, FINE)
    before = engine.bank.column("slot").copy()
    assert divide_large(engine, FINE, 4) == []
    np.testing.assert_array_equal(engine.bank.column("slot"), before)


def test_a_rare_view_keeps_its_class_when_another_is_common() -> None:
    engine, made = at_truth(snr=0.2, count=480, views=4, seed=23)
    rare = np.flatnonzero(made.truth.view_id == 0)[40:]
    engine.remove(rare)
    engine.bank.columns["alive"][rare] = False
    alive = np.flatnonzero(engine.bank.column("alive"))
    for some in np.array_split(alive, 8):
        engine.visit(some, FINE)
    divide_large(engine, FINE, 4)
    assert (engine.bank.column("slot")[made.truth.view_id == 0] == 0).sum() >= 30


def test_three_views_in_one_class_are_parted_one_after_the_other() -> None:
    engine, made = at_truth(snr=0.1, count=700, views=7, seed=25)
    view, rows = made.truth.view_id, np.arange(700)
    engine.remove(rows)
    engine.place(rows[view <= 2], 0)
    for own in (3, 4, 5, 6):
        engine.place(rows[view == own], own)
    for fragment in (1, 2):
        engine.place(rows[view == 3][5 * fragment : 5 * fragment + 5], fragment)
    moves = divide_large(engine, FINE, 7)
    assert {move.free for move in moves} == {1, 2}
    slot = engine.bank.column("slot")
    parts = np.array([np.bincount(view[slot == k], minlength=7)[:3] for k in (0, 1, 2)])
    assert parts.max(axis=1).sum() > 0.8 * parts.sum()
    assert set(parts.argmax(axis=1).tolist()) == {0, 1, 2}
