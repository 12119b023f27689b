"""Two classes that hold the same two views begin anew; what is right already stays."""

from __future__ import annotations

import numpy as np
from tests.compute.classify2d.test_engine import at_truth, visit_all

from frazil.compute.classify2d.mixtures import part_mixed
from frazil.compute.classify2d.stage import Stage

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
    touched = part_mixed(engine, FINE, 4)
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
    assert part_mixed(engine, FINE, 4) == []
    np.testing.assert_array_equal(engine.bank.column("slot"), before)
