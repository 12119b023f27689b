"""Visits: bookkeeping, calibration of the posterior, recovery of the averages, splitting of a mixture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.classify2d import expectation
from frazil.compute.classify2d.bank import Bank
from frazil.compute.classify2d.classify import Samples
from frazil.compute.classify2d.engine import Engine
from frazil.compute.classify2d.exchange import try_split
from frazil.compute.classify2d.expectation import Expectation
from frazil.compute.classify2d.polar import from_real_series
from frazil.compute.classify2d.prepared import ctf_columns
from frazil.compute.classify2d.render import render
from frazil.compute.classify2d.sampler import Sampler
from frazil.compute.classify2d.stage import Stage
from frazil.microscope.particles import SimulatedParticles, simulate_particles

if TYPE_CHECKING:
    import pytest
    from numpy.typing import NDArray

BOX_PX, PIXEL_A = 40, 6.0


def at_truth(
    snr: float,
    count: int,
    views: int,
    seed: int,
    specimens: tuple[str, ...] = ("proteasome",),
    mask_a: float = 160.0,
) -> tuple[Engine, SimulatedParticles]:
    """An engine whose particles are sampled at their true centres, turned by their true angles."""
    made = simulate_particles(specimens, count, BOX_PX, PIXEL_A, views_per_specimen=views, snr=snr, seed=seed)
    sampler = Sampler(BOX_PX, PIXEL_A, mask_a, 20.0)
    bank = Bank.empty()
    rows = bank.add(count)
    samples = Samples(count, sampler)
    offset = -np.stack([made.truth.shift_x_a, made.truth.shift_y_a], axis=1)
    samples.write(rows, sampler(made.images, offset))
    columns = bank.columns
    columns["offset_a"][rows] = offset
    columns["half"][rows] = rows % 2
    columns["ctf"][rows] = ctf_columns(made.ctf)
    columns["pose"][rows, 0] = -np.deg2rad(made.truth.psi_deg)
    engine = Engine(sampler, made.ctf.optics, bank, samples, views * len(specimens))
    engine.start_noise(rows)
    for view in range(engine.class_count):
        engine.place(rows[made.truth.view_id == view], view)
    return engine, made


def visit_all(engine: Engine, stage: Stage) -> None:
    for rows in np.array_split(np.arange(engine.bank.count), 10):
        engine.visit(rows, stage)


def test_averages_at_the_true_poses_are_the_true_views_to_scale() -> None:
    engine, made = at_truth(snr=1.0, count=200, views=2, seed=3)
    averages = engine.averages(engine.spectra())[0]
    sampler = engine.sampler
    scale = sampler.mask_norm * sampler.working_pixel_a**2
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


def one_by_one(engine: Engine, rows: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
    """C X turned and shifted back to the class's frame, (p, R, Q/2), and orders of C² alike, (p, R, 3)."""
    grid, prepared = engine.grid, engine.prepared(rows)
    gamma, x, y = (torch.as_tensor(v) for v in engine.bank.columns["pose"][rows].astype(np.float64).T)
    orders = prepared.orders(np.arange(len(rows)), grid.ring_count, grid.order_count)
    turn = torch.exp(1j * gamma[:, None] * torch.arange(grid.order_count))
    series = torch.fft.irfft(orders * turn[:, None], n=grid.angle_count, norm="forward")
    theta = grid.half_angles()
    along = x[:, None] * torch.cos(theta) + y[:, None] * torch.sin(theta)
    phases = torch.exp(2j * math.pi * grid.frequencies_per_a()[:, None] * along[:, None])
    squares = torch.as_tensor(prepared.squares[prepared.rows])
    return from_real_series(series) * phases, squares * torch.exp(
        1j * gamma[:, None, None] * torch.arange(3) * 2.0
    )


def test_sums_are_those_of_the_particles_turned_and_shifted_one_by_one() -> None:
    engine, made = at_truth(snr=0.3, count=100, views=2, seed=4)
    columns, rows = engine.bank.columns, np.arange(100)
    columns["pose"][rows, 1:] = np.random.default_rng(0).normal(0.0, 3.0, (100, 2))
    for view in range(2):
        engine.place(rows[made.truth.view_id == view], view)
    values, squares = one_by_one(engine, rows)
    num, den = engine.sums.tensors()
    for view in range(2):
        mine = torch.as_tensor(made.truth.view_id == view)
        expected = values[mine].sum(0)
        assert float((num.sum(0)[view] - expected).abs().max()) < 1e-5 * float(expected.abs().max())
        expected = squares[mine].sum(0)
        assert float((den.sum(0)[view] - expected).abs().max()) < 1e-5 * float(expected.abs().max())


def test_what_visits_add_can_be_taken_out_again() -> None:
    engine, _ = at_truth(snr=0.3, count=100, views=2, seed=4)
    visit_all(engine, Stage(25.0, 6.0, 6.0, 6.0))
    assert abs(float(engine.sums.weight.sum()) - 100.0) < 1e-3
    largest = np.abs(engine.sums.num).max()
    engine.remove(np.arange(100))
    assert np.abs(engine.sums.num).max() < 1e-5 * largest
    assert np.abs(engine.sums.weight).max() < 1e-5


def test_stated_probabilities_are_hit_rates() -> None:
    """Reliability diagram: of particles said to be in their class with probability p, p are."""
    engine, made = at_truth(0.03, 3000, 4, 5, ("proteasome", "beta-galactosidase", "ribosome"), 200.0)
    stage, rows = Stage(20.0, 5.0, 5.0, 4.0), np.arange(3000)
    visit_all(engine, stage)  # the noise is learned from what averages leave over
    engine.remove(rows)
    engine.bank.columns["pose"][rows] = 0.0
    engine.bank.columns["pose"][rows, 0] = -np.deg2rad(made.truth.psi_deg)
    for view in range(engine.class_count):
        engine.place(rows[made.truth.view_id == view], view)
    stated, hit = np.zeros(3000), np.zeros(3000)
    for some in np.array_split(np.random.default_rng(0).permutation(3000), 10):
        engine.take_out(some)
        found, _ = engine.expect(engine.prepared(some), stage)
        engine.put_back(some)
        stated[some], hit[some] = found.probability, found.slot == made.truth.view_id[some]
    assert abs(stated.mean() - hit.mean()) < 0.03
    diagram = []
    for low, high in ((0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.01)):
        inside = (stated >= low) & (stated < high)
        chance = np.sqrt(stated[inside].mean() * (1.0 - stated[inside].mean()) / inside.sum())
        diagram.append((stated[inside].mean(), hit[inside].mean(), chance))
    assert len(diagram) == 4

    assert all(abs(p - share) < 0.05 + chance for p, share, chance in diagram), diagram


def drawn_to_a_poor_class() -> int:
    """Visit particles of five views once beside a class made of six of them; how many it holds then."""
    engine, made = at_truth(0.05, 900, 6, 31, mask_a=200.0)
    view, rows = made.truth.view_id, np.arange(900)
    away, rest = rows[view == 5], rows[view != 5]
    engine.remove(away)
    engine.bank.columns["alive"][away], engine.bank.columns["slot"][away] = False, -1
    engine.place(rest[:6], 5)
    for some in np.array_split(np.random.default_rng(0).permutation(rest), 6):
        engine.visit(np.sort(some), Stage(20.0, 5.0, 5.0, 4.0, 0.2))
    return int((engine.bank.column("slot") == 5).sum())


def test_noise_in_the_average_of_a_poor_class_draws_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn_to_a_poor_class() <= 6
    monkeypatch.setattr(expectation, "_LURE", np.inf)
    assert drawn_to_a_poor_class() > 15


def test_results_do_not_depend_on_threads_and_little_on_the_short_list() -> None:
    engine, _ = at_truth(snr=0.1, count=200, views=4, seed=7)
    rows = np.arange(200)
    prepared = engine.prepared(rows)
    averages, spread = engine.averages(engine.spectra())
    coarse = Stage(25.0, 6.0, 6.0, 5.0)
    stage = Stage(20.0, 5.0, 5.0, 5.0, 0.1, coarse)
    references = engine.references(stage, averages, spread)
    chance = np.random.default_rng(1).random((200, 2))
    full = Expectation(stage, references, None, 0.5)(prepared, chance)
    again = Expectation(stage, references, None, 0.5)(prepared, chance, threads=2)
    for name in ("slot", "pose", "draw_pose", "evidence"):
        np.testing.assert_array_equal(getattr(full, name), getattr(again, name))
    pruned = Expectation(stage, references, engine.references(coarse, averages, spread), 0.5)(
        prepared, chance
    )
    assert (pruned.slot == full.slot).mean() > 0.98
    np.testing.assert_allclose(pruned.evidence, full.evidence, atol=0.05)


def test_a_graphics_processor_would_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = at_truth(snr=0.1, count=60, views=3, seed=8)
    prepared = engine.prepared(np.arange(60))
    averages, spread = engine.averages(engine.spectra())
    stage = Stage(20.0, 5.0, 5.0, 5.0, 0.1)
    compare = Expectation(stage, engine.references(stage, averages, spread), None, 0.5)
    chance = np.random.default_rng(1).random((60, 2))
    by_kernel = compare(prepared, chance)
    # The path by torch, on the processor's tensors.
    monkeypatch.setattr(Expectation, "on_cpu", False)
    by_torch = compare(prepared, chance)
    np.testing.assert_array_equal(by_torch.slot, by_kernel.slot)
    np.testing.assert_allclose(by_torch.evidence, by_kernel.evidence, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(by_torch.probability, by_kernel.probability, atol=1e-3)
    np.testing.assert_allclose(by_torch.pose, by_kernel.pose, atol=1e-3)


def test_a_mixture_is_split_and_a_pure_class_is_not() -> None:
    engine, made = at_truth(snr=0.2, count=200, views=2, seed=6)
    view, rows = made.truth.view_id, np.arange(200)
    band = engine.full_band

    def tried() -> tuple[float, np.ndarray]:
        spectra = engine.spectra()
        split = try_split(engine, spectra, engine.averages(spectra)[0], 0, band)
        return split.gain, split.leavers

    pure, _ = tried()
    engine.place(rows, 0)
    mixed, leavers = tried()
    assert mixed > 50.0
    assert max((view[leavers] == 0).mean(), (view[leavers] == 1).mean()) > 0.9
    assert pure < 0.3 * mixed


def test_moving_the_centres_of_samples_changes_nothing_but_the_mask() -> None:
    engine, made = at_truth(snr=1.0, count=60, views=2, seed=9)
    before = engine.averages(engine.spectra())[0]
    rows = np.arange(60)
    old = engine.bank.columns["offset_a"][rows].astype(np.float64)
    engine.sample_at(rows, lambda some: made.images[some], old + np.array([3.0, -2.0]))
    after = engine.averages(engine.spectra())[0]
    like = (before.conj() * after).real.sum((1, 2)) / (before.abs().square().sum((1, 2)))
    assert float((like - 1.0).abs().max()) < 0.05
    assert float((before - after).abs().square().sum() / before.abs().square().sum()) < 0.02


def test_outer_rings_can_be_summed_later_and_threads_change_nothing() -> None:
    sums = []
    for threads, early in ((1, 0.0), (2, 60.0)):
        engine, made = at_truth(snr=0.3, count=300, views=2, seed=6)
        engine.threads = threads
        rows = np.arange(300)
        engine.sum_to(early)
        assert bool(engine.sums.num[..., 8:].any()) == (early == 0.0)
        engine.sample_at(
            rows, lambda some, made=made: made.images[some], engine.bank.columns["offset_a"][rows] + 2.0
        )
        engine.sum_to(0.0)
        sums.append(engine.sums)
    scale = float(np.abs(sums[0].num).max())
    assert sums[0].num[..., 8:].any()
    np.testing.assert_allclose(sums[1].num, sums[0].num, rtol=0.0, atol=1e-5 * scale)
    np.testing.assert_allclose(sums[1].den, sums[0].den, rtol=0.0, atol=1e-3)
    np.testing.assert_allclose(sums[1].weight, sums[0].weight)
