"""What a person decides about particles stands above what picking found."""

from __future__ import annotations

import numpy as np

from frazil.compute.picking.manual import with_manual_picks
from frazil.model.manual_picks import ManualPicks
from frazil.model.picks import Picks


def found() -> Picks:
    """Return three picks and a candidate below the threshold, 100 Å wide, at 2 Å per pixel."""
    x, y = np.array([100.0, 200.0, 300.0, 400.0]), np.array([50.0, 50.0, 50.0, 50.0])
    return Picks(x, y, np.array([9.0, 8.0, 7.0, 3.0]), 6.0, 100.0, 0.0)


def test_added_and_removed_particles() -> None:
    manual = ManualPicks(added=((50.0, 60.0),), removed=((401.0, 101.0),))
    picks = with_manual_picks(found(), manual, 2.0)
    assert picks.accepted.tolist() == [True, False, True, False, True]
    assert (picks.x_px[4], picks.y_px[4]) == (25.0, 30.0)
    assert picks.by_hand is not None and picks.by_hand.tolist() == [0, -1, 0, 0, 1]
    assert np.isfinite(picks.score).all()


def test_a_particle_is_never_there_twice() -> None:
    """Added where one was found, or where one lies below the threshold: that of the person counts."""
    manual = ManualPicks(added=((204.0, 100.0), (800.0, 100.0)))
    picks = with_manual_picks(found(), manual, 2.0)
    assert picks.accepted.tolist() == [False, True, True, False, True, True]


def test_places_are_those_of_the_specimen_whatever_the_pixel() -> None:
    manual = ManualPicks(added=((50.0, 60.0),))
    fine = with_manual_picks(found(), manual, 1.0)
    assert (fine.x_px[-1], fine.y_px[-1]) == (50.0, 60.0)


def test_nothing_changed_changes_nothing() -> None:
    picks = found()
    assert with_manual_picks(picks, ManualPicks(saved_by="ann"), 2.0) is picks


def test_the_token_names_the_places_not_who_and_when() -> None:
    one = ManualPicks(added=((1.0, 2.0), (3.0, 4.0)), saved_by="ann", saved_at=1.0)
    other = ManualPicks(added=((3.0, 4.0), (1.0, 2.0)), saved_by="bob")
    assert one.token == other.token != ManualPicks(removed=one.added).token
