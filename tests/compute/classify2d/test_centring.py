"""Averages are brought to the middle by what is bright in them, also while some classes are empty."""

from __future__ import annotations

import numpy as np
import torch
from tests.compute.classify2d.test_engine import PIXEL_A, at_truth

from frazil.compute.classify2d.render import centres_a, polarity, smooth_pictures
from frazil.compute.classify2d.run import Run
from frazil.compute.classify2d.schedule import Reach


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
