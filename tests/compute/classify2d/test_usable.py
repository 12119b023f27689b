"""Images that no particle can look like are left out before they spoil what is learnt from all."""

from __future__ import annotations

import numpy as np
import pytest

from frazil.compute.classify2d.sampler import usable
from frazil.model.classes import ParticleCtf
from frazil.model.optics import Optics

COUNT = 40


def _images() -> np.ndarray:
    return np.random.default_rng(1).normal(0.0, 1.0, (COUNT, 16, 16)).astype(np.float32)


def _ctf(defocus_a: float = 1e4) -> ParticleCtf:
    defocus = np.full(COUNT, 1e4)
    defocus[3] = defocus_a
    return ParticleCtf(Optics(300.0, 2.7, 0.1), defocus, defocus, np.zeros(COUNT), np.zeros(COUNT))


@pytest.mark.parametrize("factor", [1e30, 1e6, 100.0, 1e-4, 0.0, np.nan, np.inf, -np.inf])
def test_images_out_of_proportion_are_left_out(factor: float) -> None:
    images = _images()
    images[[3, 20]] *= factor
    assert np.flatnonzero(~usable(images, _ctf())).tolist() == [3, 20]


@pytest.mark.parametrize("value", [1e30, 500.0, np.nan])
def test_one_wild_pixel_is_enough(value: float) -> None:
    images = _images()
    images[3, 5, 5] = value
    assert np.flatnonzero(~usable(images, _ctf())).tolist() == [3]


def test_weak_and_strong_images_of_one_set_are_kept() -> None:
    strength = np.geomspace(0.3, 3.0, COUNT)[:, None, None]
    assert usable((_images() * strength).astype(np.float32), _ctf()).all()
    assert usable(_images()[:2] * np.array([1.0, 100.0], np.float32)[:, None, None], _few()).all()


@pytest.mark.parametrize("factor", [1e30, 1e-30])
def test_numbers_that_cannot_be_squared_are_refused(factor: float) -> None:
    assert not usable(_images() * np.float32(factor), _ctf()).any()


def test_a_ctf_that_is_no_number() -> None:
    assert np.flatnonzero(~usable(_images(), _ctf(np.nan))).tolist() == [3]


def _few() -> ParticleCtf:
    """Two images say nothing about which of them is the usual one."""
    return ParticleCtf(Optics(300.0, 2.7, 0.1), *(np.full(2, 1e4), np.full(2, 1e4)), np.zeros(2), np.zeros(2))
