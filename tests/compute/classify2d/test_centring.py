"""Averages are brought to the middle by what is bright in them, also while some classes are empty."""

from __future__ import annotations

import numpy as np
import torch
from tests.compute.classify2d.test_engine import PIXEL_A, at_truth, visit_all

from frazil.compute.classify2d.render import centres_a, polarity, smooth_pictures
from frazil.compute.classify2d.run import Run
from frazil.compute.classify2d.schedule import Reach
from frazil.compute.classify2d.stage import Stage


def off_centre_a(run: Run) -> np.ndarray:
    """Distance of the bright part of each class that is in use from the middle, Å."""
    engine = run.engine
    pictures = smooth_pictures(engine, 25.0)[engine.sums.weight.sum(0) > 0.5]
    return np.asarray(centres_a(pictures, engine.sampler.working_pixel_a, 1.0).norm(dim=1))


def test_classes_are_centred_beside_an_empty_one() -> None:
    engine, made = at_truth(snr=0.3, count=240, views=3, seed=5)
    engine.remove(np.flatnonzero(made.truth.view_id == 2))
    engine.shift_classes(np.tile([[20.0, -10.0]], (3, 1)))
    run = Run(engine, Reach(40.0, 20.0, 30.0), lambda rows: made.images[rows])
    assert off_centre_a(run).max() > 15.0
    run.centre()
    assert off_centre_a(run).max() < 8.0


def test_polarity_tells_bright_from_dark_and_neither() -> None:
    axis = (np.arange(40) - 20) * PIXEL_A
    blob = np.exp(-(axis[:, None] ** 2 + axis**2) / (2.0 * 30.0**2))
    signs = polarity(torch.as_tensor(np.stack([blob, -blob, 0.0 * blob]).astype(np.float32)), PIXEL_A, 100.0)
    assert signs[0] > 0.5
    assert signs[1] < -0.5
    assert signs[2] == 0.0


def test_how_far_off_boxes_are_is_learned_from_the_particles_found() -> None:
    # Drawn with 4 Å per axis; the search begins with 11 Å and takes a fifth more than it learns.
    engine, made = at_truth(snr=0.3, count=240, views=3, seed=6)
    run = Run(engine, Reach(40.0, 20.0, 28.0), lambda rows: made.images[rows])
    assert abs(run.wide.shift_sigma_a - 11.2) < 0.1
    visit_all(engine, Stage(20.0, 5.0, 5.0, 4.0))
    run.learn_centring(np.arange(40))
    assert abs(run.wide.shift_sigma_a - 11.2) < 0.1, "40 particles are too few"
    run.learn_centring(np.arange(240))
    assert 4.0 < run.wide.shift_sigma_a < 6.5
    assert run.wide.shift_radius_a == 28.0


def test_the_search_never_gets_wider_than_it_begins() -> None:
    engine, made = at_truth(snr=0.3, count=240, views=3, seed=7)
    visit_all(engine, Stage(20.0, 5.0, 5.0, 4.0))
    engine.bank.columns["offset_a"][:240] += (30.0, -20.0)
    run = Run(engine, Reach(40.0, 20.0, 28.0), lambda rows: made.images[rows])
    run.learn_centring(np.arange(240))
    assert abs(run.wide.shift_sigma_a - 11.2) < 0.1
