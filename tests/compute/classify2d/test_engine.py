"""The passes: bookkeeping, calibration of the posterior, recovery of the averages, splitting of a mixture."""

from __future__ import annotations

import numpy as np
import torch

from frazil.compute.classify2d.engine import Engine, Stage
from frazil.compute.classify2d.particles import ParticleStore
from frazil.compute.classify2d.polar import make_grid
from frazil.compute.classify2d.render import render
from frazil.compute.classify2d.structure import try_split
from frazil.microscope.particles import SimulatedParticles, simulate_particles

BOX_PX, PIXEL_A = 40, 6.0
GRID = make_grid(80.0, 24.0, 20.0)


def at_truth(
    snr: float, count: int, views: int, seed: int
) -> tuple[Engine, SimulatedParticles, torch.Tensor]:
    """An engine whose particles are sampled at their true centres, turned by their true angles."""
    made = simulate_particles(
        ["proteasome"], count, BOX_PX, PIXEL_A, views_per_specimen=views, snr=snr, seed=seed
    )
    store = ParticleStore(made.images, made.ctf, GRID, PIXEL_A, np.arange(count))
    shifts = np.stack([made.truth.shift_x_a, made.truth.shift_y_a], axis=1)
    store.offset_a[:] = -torch.as_tensor(shifts)
    store.sample()
    engine = Engine(store, 10, views)
    engine.poses.angle_rad[:] = -torch.deg2rad(torch.as_tensor(made.truth.psi_deg))
    view = torch.as_tensor(made.truth.view_id.astype(np.int64))
    engine.poses.class_index[:] = view
    engine.measure_noise()
    engine.rebuild(view, views)
    return engine, made, view


def test_averages_at_the_true_poses_are_the_true_views_to_scale() -> None:
    engine, made, _ = at_truth(snr=1.0, count=200, views=2, seed=3)
    averages = engine.averages(engine.spectra())[0]
    store = engine.store
    scale = store.mask_norm * store.working_pixel_a**2
    pictures = render(engine.grid, averages, BOX_PX, PIXEL_A, scale).numpy()
    axis = (np.arange(BOX_PX) - BOX_PX // 2) * PIXEL_A
    disc = np.hypot(axis[:, None], axis) < 75.0
    for c, view in enumerate(made.noiseless_views()):
        # The true view to the same resolution and without its mean.
        k = np.hypot(*np.meshgrid(np.fft.fftfreq(BOX_PX, PIXEL_A), np.fft.fftfreq(BOX_PX, PIXEL_A)))
        low = np.fft.ifft2(np.fft.fft2(view) * (k < 1 / 20.0)).real
        a, b = pictures[c][disc], low[disc] - low[disc].mean()
        assert np.corrcoef(a, b)[0, 1] > 0.97
        assert abs(np.polyfit(made.signal_scale * b, a, 1)[0] - 1.0) < 0.15


def test_what_a_pass_adds_it_can_take_away() -> None:
    engine, _, _ = at_truth(snr=0.3, count=100, views=2, seed=4)
    stage = Stage(25.0, 6.0, 6.0, 6.0)
    engine.run_pass(stage, list(range(10)))
    assert abs(float(engine.sums.weight.sum()) - 100.0) < 1e-3
    before = engine.sums.num.sum(0).clone()
    left = before - sum(engine.sums.num[f] for f in range(10))
    assert float(left.abs().max()) < 1e-5 * float(before.abs().max())


def test_stated_probabilities_are_hit_rates() -> None:
    engine, _, view = at_truth(snr=0.02, count=700, views=4, seed=5)
    stage = Stage(20.0, 5.0, 5.0, 4.0)
    engine.run_pass(stage, list(range(10)))
    probability = engine.poses.probability.double()
    stated = probability.max(1).values
    hit = (probability.argmax(1) == view).double()
    assert 0.3 < float(hit.mean()) < 0.99
    assert abs(float(stated.mean() - hit.mean())) < 0.05
    for low, high in ((0.3, 0.6), (0.6, 0.85), (0.85, 1.01)):
        inside = (stated >= low) & (stated < high)
        if int(inside.sum()) > 120:
            assert abs(float(stated[inside].mean() - hit[inside].mean())) < 0.1


def test_a_mixture_is_split_and_a_pure_class_is_not() -> None:
    engine, _, view = at_truth(snr=0.2, count=200, views=2, seed=6)
    engine.poses.class_index[:] = 0
    engine.rebuild(engine.poses.class_index, 2)
    mixed = try_split(engine, engine.spectra(), 0)
    leaving = view[mixed.leavers]
    assert mixed.gain > 50.0
    assert max(float((leaving == 0).double().mean()), float((leaving == 1).double().mean())) > 0.9
    engine.poses.class_index[:] = view
    engine.rebuild(view, 2)
    pure = try_split(engine, engine.spectra(), 0)
    assert pure.gain < 0.3 * mixed.gain
