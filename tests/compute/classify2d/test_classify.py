"""Classification of simulated particles with known truth, and of stacks that have something wrong."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import ndimage

from frazil.compute.classify2d import classify
from frazil.microscope.particles import SimulatedParticles, simulate_particles
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.model.classes import Classification, ParticleCtf

BOX_PX, PIXEL_A, MASK_A = 40, 6.0, 190.0


@cache
def particles(seed: int = 5, count: int = 420, shift_sigma_a: float = 4.0) -> SimulatedParticles:
    return simulate_particles(
        ["proteasome", "beta-galactosidase"],
        count,
        BOX_PX,
        PIXEL_A,
        views_per_specimen=2,
        snr=0.3,
        shift_sigma_a=shift_sigma_a,
        seed=seed,
    )


def run(
    images: NDArray[np.float32] | NDArray[np.float16],
    ctf: ParticleCtf,
    classes: int = 6,
    *,
    mask_diameter_a: float = MASK_A,
    seed: int = 0,
    invert: bool = False,
) -> Classification:
    return classify(
        images,
        ctf,
        pixel_size_a=PIXEL_A,
        classes=classes,
        mask_diameter_a=mask_diameter_a,
        final_resolution_a=15.0,
        seed=seed,
        threads=1,
        invert=invert,
    )


@cache
def found() -> Classification:
    p = particles()
    return run(p.images, p.ctf)


def some_ctf(ctf: ParticleCtf, count: int) -> ParticleCtf:
    return replace(
        ctf,
        defocus_u_a=ctf.defocus_u_a[:count],
        defocus_v_a=ctf.defocus_v_a[:count],
        astigmatism_angle_deg=ctf.astigmatism_angle_deg[:count],
        phase_shift_deg=ctf.phase_shift_deg[:count],
    )


def purity(labels: NDArray[np.int32], class_id: NDArray[np.int32]) -> float:
    hits = sum(int(np.bincount(labels[class_id == c]).max()) for c in np.unique(class_id))
    return hits / len(labels)


def aligned(image: NDArray[Any], psi_deg: float, x_a: float, y_a: float) -> NDArray[Any]:
    """average(r') = particle(r), r' = R(psi)(r + shift), written without the product's code."""
    psi, middle = np.deg2rad(psi_deg), np.array([BOX_PX // 2, BOX_PX // 2])
    c, s = np.cos(psi), np.sin(psi)
    # r = R(-psi) r' - shift, in (row, column) order.
    back = np.array([[c, -s], [s, c]])
    offset = middle - back @ middle - np.array([y_a, x_a]) / PIXEL_A
    moved: NDArray[Any] = ndimage.affine_transform(image, back, offset, order=3, mode="constant")
    return moved


def test_views_are_told_apart_and_no_class_swallows_the_rest() -> None:
    p, result = particles(), found()
    assert purity(p.truth.view_id, result.class_id) > 0.95
    assert int((result.population > 0).sum()) >= 5
    assert result.population.sum() == int((result.class_id > 0).sum())
    assert (np.diff(result.population) <= 0).all()
    for c in range(4):
        assert result.resolution_a[c] < 40.0
        assert result.resolution_143_a[c] <= result.resolution_a[c]


def test_particles_put_into_their_poses_give_the_average() -> None:
    p, result = particles(), found()
    turned, squares = times_transfer(p)
    for c in np.flatnonzero(result.population > 40):
        members = np.flatnonzero(result.class_id == c + 1)

        def mean(sign: float, members: NDArray[np.int64] = members) -> NDArray[Any]:
            total = sum(
                aligned(turned[i], sign * result.psi_deg[i], result.shift_x_a[i], result.shift_y_a[i])
                for i in members
            )
            return np.fft.ifft2(np.fft.fft2(total) / (squares[members].sum(0) + 0.05 * len(members))).real

        right = likeness(mean(1.0), result.averages[c])
        assert right > 0.85
        # The views are compact: turned the wrong way they still look somewhat alike.
        assert right > likeness(mean(-1.0), result.averages[c]) + 0.03


def likeness(one: NDArray[Any], two: NDArray[Any]) -> float:
    """Correlation inside the mask between about 100 and 25 Å."""
    axis = (np.arange(BOX_PX) - BOX_PX // 2) * PIXEL_A
    disc = np.hypot(axis[:, None], axis) < 0.45 * MASK_A
    a, b = ((ndimage.gaussian_filter(x, 1.2) - ndimage.gaussian_filter(x, 4.0))[disc] for x in (one, two))
    return float(np.corrcoef(a, b)[0, 1])


def times_transfer(p: SimulatedParticles) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Images times sin χ, and sin² χ, from the equation, without astigmatism."""
    k = np.fft.fftfreq(BOX_PX, PIXEL_A)
    k2 = k[:, None] ** 2 + k[None] ** 2
    lam, cs = p.ctf.optics.wavelength_a, p.ctf.optics.cs_a
    mean = 0.5 * (p.ctf.defocus_u_a + p.ctf.defocus_v_a)[:, None, None]
    chi = np.pi * lam * k2 * (mean - 0.5 * lam**2 * cs * k2) + np.arcsin(p.ctf.optics.amplitude_contrast)
    transfer = np.sin(chi)
    return np.fft.ifft2(np.fft.fft2(p.images) * transfer).real.astype(np.float32), transfer**2


def test_averages_are_the_true_views() -> None:
    p, result = particles(), found()
    views = p.noiseless_views()
    for c in np.flatnonzero(result.population > 60):
        members = result.class_id == c + 1
        view = np.bincount(p.truth.view_id[members]).argmax()
        i = np.flatnonzero(members & (p.truth.view_id == view))
        # The average in the frame of the true view: the difference of the poses, from any member.
        turn = np.rad2deg(np.angle(np.exp(1j * np.deg2rad(p.truth.psi_deg[i] - result.psi_deg[i]))))
        best = max(
            likeness(aligned(result.averages[c], t, 0.0, 0.0), views[view])
            for t in np.concatenate([turn[:20], -turn[:20]])
        )
        assert best > 0.85


def test_same_seed_same_result_also_from_half_precision_slices() -> None:
    p, result = particles(), found()
    again = run(p.images, p.ctf)
    np.testing.assert_array_equal(again.class_id, result.class_id)
    np.testing.assert_array_equal(again.averages, result.averages)
    np.testing.assert_array_equal(again.psi_deg, result.psi_deg)


def test_inverted_contrast_is_told() -> None:
    p = particles()
    assert not any("inverted" in note for note in found().notes)
    dark = run((-p.images[:200]).astype(np.float16), some_ctf(p.ctf, 200), 4)
    assert any("inverted" in note for note in dark.notes)
    mended = run((-p.images[:200]).astype(np.float16), some_ctf(p.ctf, 200), 4, invert=True)
    assert not any("inverted" in note for note in mended.notes)


def test_bad_images_go_to_no_class_and_few_particles_to_few() -> None:
    p = particles()
    images = p.images[:80].copy()
    images[3, 5, 5] = np.nan
    images[10] = 2.5
    images[20, 0, 0] = np.inf
    result = run(images, some_ctf(p.ctf, 80), 50)
    assert set(np.flatnonzero(result.class_id == 0)) >= {3, 10, 20}
    assert np.isfinite(result.averages).all() and np.isfinite(result.posterior).all()
    assert any("3 of 80" in note for note in result.notes)
    assert result.averages.shape == (50, BOX_PX, BOX_PX)
    assert not result.averages[result.population == 0].any()


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_next_to_no_particles(count: int) -> None:
    p = particles()
    result = run(p.images[:count], some_ctf(p.ctf, count), 3)
    assert result.class_id.shape == (count,)
    assert np.isfinite(result.averages).all()


def test_odd_box_and_a_mask_beyond_it() -> None:
    p = particles()
    odd = p.images[:150, 1:, 1:]
    result = run(np.ascontiguousarray(odd), some_ctf(p.ctf, 150), 4, mask_diameter_a=500.0)
    assert result.averages.shape == (4, BOX_PX - 1, BOX_PX - 1)
    assert (result.population > 0).sum() >= 3


def test_particles_far_off_centre_are_brought_back() -> None:
    p = particles(seed=8, count=300, shift_sigma_a=18.0)
    result = run(p.images, p.ctf, 4)
    assert purity(p.truth.view_id, result.class_id) > 0.9
    error = np.hypot(result.shift_x_a - p.truth.shift_x_a, result.shift_y_a - p.truth.shift_y_a)
    assert np.median(error) < 6.0


def test_what_does_not_fit_together_is_refused() -> None:
    p = particles()
    with pytest.raises(InputError, match="CTF of 10"):
        run(p.images[:20], some_ctf(p.ctf, 10))
    with pytest.raises(InputError, match="square"):
        run(p.images[:10, :, 1:], some_ctf(p.ctf, 10))
    with pytest.raises(InputError, match="classes"):
        run(p.images[:10], some_ctf(p.ctf, 10), 0)
    with pytest.raises(InputError, match="mask_diameter_a"):
        run(p.images[:10], some_ctf(p.ctf, 10), mask_diameter_a=-5.0)
