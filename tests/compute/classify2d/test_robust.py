"""Particles among which much is wrong: classes stay usable, and what can be noticed is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.compute.classify2d import classify
from frazil.microscope.particles import simulate_particles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.microscope.particles import SimulatedParticles
    from frazil.model.classes import Classification, ParticleCtf

BOX_PX, PIXEL_A, CLASSES = 40, 6.0, 6


def particles(
    count: int = 420, *, seed: int = 11, shift_sigma_a: float = 4.0, junk: float = 0.0
) -> SimulatedParticles:
    return simulate_particles(
        ["proteasome", "beta-galactosidase"],
        count,
        BOX_PX,
        PIXEL_A,
        views_per_specimen=2,
        snr=0.3,
        shift_sigma_a=shift_sigma_a,
        junk_fraction=junk,
        seed=seed,
    )


def classified(images: NDArray[np.float32], ctf: ParticleCtf, classes: int = CLASSES) -> Classification:
    return classify(
        images, ctf, pixel_size_a=PIXEL_A, classes=classes, mask_diameter_a=190.0, final_resolution_a=15.0
    )


def purity(result: Classification, view: NDArray[np.int32]) -> float:
    """Share of the classified particles whose view is the commonest of their class."""
    inside = (result.class_id > 0) & (view >= 0)
    hits = [np.bincount(view[inside & (result.class_id == k)], minlength=1).max() for k in range(1, 7)]
    return float(np.sum(hits) / inside.sum())


def views_found(result: Classification, view: NDArray[np.int32]) -> int:
    found = set()
    for k in range(1, len(result.averages) + 1):
        members = view[result.class_id == k]
        counts = np.bincount(members[members >= 0], minlength=1)
        if 2 * counts.max() > len(members) > 0:
            found.add(int(counts.argmax()))
    return len(found)


def with_edges_and_ice(images: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Carbon edges and ice crystals in these images, which are normalised again."""
    chance, out = np.random.default_rng(3), images.copy()
    y, x = np.meshgrid(*2 * [np.arange(BOX_PX) - BOX_PX // 2], indexing="ij")
    for number, i in enumerate(rows):
        angle, place = chance.uniform(0.0, 2.0 * np.pi), chance.uniform(-10.0, 10.0)
        along = np.cos(angle) * x + np.sin(angle) * y - place
        across = np.cos(angle) * y - np.sin(angle) * x
        strange = 3.0 * np.tanh(along) if number % 2 else 9.0 * np.exp(-(along**2 + across**2) / 40.0)
        out[i] += strange
        out[i] = (out[i] - out[i].mean()) / out[i].std()
    return out


def test_edges_and_ice_spoil_no_class() -> None:
    made = particles()
    rows = np.random.default_rng(2).choice(420, 84, replace=False)
    result = classified(with_edges_and_ice(made.images, rows), made.ctf)
    ice, edges = rows[::2], rows[1::2]
    assert (result.class_id[ice] == 0).all()
    assert any("images are far stronger than the others" in note for note in result.notes), result.notes
    view = np.where(np.isin(np.arange(420), rows), -1, made.truth.view_id)
    assert purity(result, view) > 0.97
    assert views_found(result, view) == 4
    # Edges make classes of their own, or are in none.
    of_edges = np.unique(result.class_id[edges])
    assert not np.isin(of_edges[of_edges > 0], result.class_id[view >= 0]).any()


def test_ordinary_particles_are_never_too_strong() -> None:
    made = simulate_particles(
        ["apoferritin", "ribosome"],
        240,
        64,
        6.0,
        views_per_specimen=2,
        snr=1.0,
        fractions=(0.9, 0.1),
        defocus_range_a=(5_000.0, 30_000.0),
        seed=4,
    )
    result = classify(
        made.images, made.ctf, pixel_size_a=6.0, classes=4, mask_diameter_a=310.0, final_resolution_a=20.0
    )
    assert not result.notes


@pytest.mark.parametrize("junk", [0.0, 0.3])
def test_every_view_is_found_however_much_junk_there_is(junk: float) -> None:
    made = particles(500, junk=junk)
    result = classified(made.images, made.ctf)
    assert views_found(result, made.truth.view_id) == 4
    assert purity(result, made.truth.view_id) > 0.95
    assert np.bincount(result.class_id[result.class_id > 0]).max() < 0.5 * 500


def test_particles_far_from_their_boxes_centres_find_their_classes() -> None:
    # 15 % of 150 Å in the mean.
    made = particles(shift_sigma_a=0.15 * 150.0 / np.sqrt(np.pi / 2.0))
    result = classified(made.images, made.ctf)
    assert views_found(result, made.truth.view_id) == 4
    assert purity(result, made.truth.view_id) > 0.9


def test_wrong_defocus_of_a_tenth_does_no_harm_to_the_rest() -> None:
    made = particles()
    u, v = made.ctf.defocus_u_a.copy(), made.ctf.defocus_v_a.copy()
    u[::10] += 6000.0
    v[::10] += 6000.0
    result = classified(made.images, replace(made.ctf, defocus_u_a=u, defocus_v_a=v))
    right = np.arange(420) % 10 != 0
    assert (result.class_id[right] > 0).mean() > 0.95
    assert purity(result, np.where(right, made.truth.view_id, -1)) > 0.97


def test_one_view_in_eight_of_ten_particles_leaves_room_for_the_others() -> None:
    made = particles(700)
    chance, view = np.random.default_rng(5), made.truth.view_id
    common = np.flatnonzero(view == 0)[:160]
    rows = np.concatenate([common, chance.choice(np.flatnonzero(view > 0), len(common) // 4, replace=False)])
    rows = chance.permutation(rows)
    ctf = replace(
        made.ctf,
        defocus_u_a=made.ctf.defocus_u_a[rows],
        defocus_v_a=made.ctf.defocus_v_a[rows],
        astigmatism_angle_deg=made.ctf.astigmatism_angle_deg[rows],
        phase_shift_deg=made.ctf.phase_shift_deg[rows],
    )
    result = classified(made.images[rows], ctf)
    assert views_found(result, view[rows]) >= 3
    assert purity(result, view[rows]) > 0.95
