"""Extraction: where things lie, what grey values become, what is left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frazil.compute.extraction import choose_box, extract_particles
from frazil.compute.friendly_size import friendly_size
from frazil.model.errors import InputError


def gaussian_field(shape: tuple[int, int], x: float, y: float, sigma: float) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    field: np.ndarray = np.exp(-0.5 * ((rows - y) ** 2 + (columns - x) ** 2) / sigma**2)
    return field.astype(np.float32)


def centre_of_mass(image: np.ndarray) -> tuple[float, float]:
    weight = np.clip(image, 0.0, None)
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    return float((weight * columns).sum() / weight.sum()), float((weight * rows).sum() / weight.sum())


def test_a_bright_pixel_lands_on_the_central_pixel() -> None:
    micrograph = np.random.default_rng(0).normal(0.0, 1e-3, (200, 220)).astype(np.float32)
    micrograph[93, 121] -= 1.0
    result = extract_particles(
        micrograph, [121.0], [93.0], pixel_size_a=1.0, box_px=64, background_radius_a=20.0, outlier_sigma=0.0
    )
    assert int(np.argmax(result.images[0])) == 32 * 64 + 32
    assert (result.x_int_px[0], result.y_int_px[0]) == (121, 93)


@pytest.mark.parametrize(("box", "output"), [(96, 2.0), (96, 1.7), (90, 3.0), (128, 1.0)])
def test_cropping_keeps_the_centre(box: int, output: float) -> None:
    micrograph = -gaussian_field((256, 256), 120.0, 131.0, 5.0)
    micrograph += np.random.default_rng(1).normal(0.0, 1e-4, micrograph.shape).astype(np.float32)
    result = extract_particles(
        micrograph,
        [120.2],
        [130.7],
        pixel_size_a=1.0,
        box_px=box,
        output_pixel_size_a=output,
        background_radius_a=30.0,
        outlier_sigma=0.0,
    )
    size = result.images.shape[-1]
    assert size % 2 == 0
    assert friendly_size(size) == size
    assert result.pixel_size_a == pytest.approx(box / size)
    assert result.pixel_size_a <= output
    image = result.images[0] - np.median(result.images[0])
    x, y = centre_of_mass(np.where(image > 0.2 * image.max(), image, 0.0))
    assert x == pytest.approx(size // 2, abs=0.02)
    assert y == pytest.approx(size // 2, abs=0.02)
    assert result.rest_x_a[0] == pytest.approx(0.2)
    assert result.rest_y_a[0] == pytest.approx(-0.3)


def test_cropping_is_exact_for_band_limited_images() -> None:
    box, size = 96, 48
    rows, columns = np.mgrid[:box, :box] - box // 2
    wave = np.cos(2 * np.pi * (3 * columns + 5 * rows) / box + 0.3)
    micrograph = wave.astype(np.float32)
    result = extract_particles(
        micrograph,
        [48.0],
        [48.0],
        pixel_size_a=1.5,
        box_px=box,
        output_pixel_size_a=3.0,
        background_radius_a=30.0,
        invert=False,
        outlier_sigma=0.0,
    )
    rows, columns = np.mgrid[:size, :size] - size // 2
    expected = np.cos(2 * np.pi * (3 * columns + 5 * rows) / size + 0.3)
    # A plane was subtracted and the scale set: what is left is a x + b y + c + s wave.
    terms = np.stack([expected.ravel(), columns.ravel(), rows.ravel(), np.ones(size * size)], axis=1)
    rest = result.images[0].ravel() - terms @ np.linalg.lstsq(terms, result.images[0].ravel(), rcond=None)[0]
    # The subtracted plane is not band limited; away from the box's edge it is smooth.
    inner = np.abs(rest.reshape(size, size)[8:-8, 8:-8])
    assert inner.max() < 5e-3


def test_background_has_mean_0_and_sigma_1_and_no_slope() -> None:
    rng = np.random.default_rng(2)
    rows, columns = np.mgrid[:400, :400]
    micrograph = (1000.0 + 0.3 * columns - 0.2 * rows + rng.normal(0.0, 7.0, (400, 400))).astype(np.float32)
    result = extract_particles(
        micrograph, [200.0, 150.0], [180.0, 210.0], pixel_size_a=1.0, box_px=128, background_radius_a=45.0
    )
    axis = np.arange(128) - 64
    outside = np.hypot(axis[:, None], axis[None, :]) > 45.0
    for image in result.images:
        assert image[outside].mean() == pytest.approx(0.0, abs=1e-3)
        assert image[outside].std() == pytest.approx(1.0, abs=1e-3)
        slope = np.polyfit(axis, image.mean(axis=0), 1)[0]
        assert abs(slope) < 1e-3


def test_protein_is_white() -> None:
    micrograph = np.random.default_rng(3).normal(0.0, 1.0, (200, 200)).astype(np.float32)
    micrograph -= 3.0 * gaussian_field((200, 200), 100.0, 100.0, 12.0)
    dark = extract_particles(micrograph, [100], [100], pixel_size_a=1.0, box_px=96, background_radius_a=36.0)
    bright = extract_particles(
        -micrograph, [100], [100], pixel_size_a=1.0, box_px=96, background_radius_a=36.0, invert=False
    )
    assert dark.images[0, 40:56, 40:56].mean() > 1.0
    np.testing.assert_allclose(dark.images, bright.images, atol=1e-5)


def test_outliers_and_missing_pixels_become_noise() -> None:
    micrograph = np.random.default_rng(4).normal(50.0, 2.0, (200, 200)).astype(np.float32)
    micrograph[100, 100] = 1e6
    micrograph[60:70, 60:70] = np.nan
    result = extract_particles(micrograph, [95], [95], pixel_size_a=1.0, box_px=96, background_radius_a=36.0)
    assert np.isfinite(result.images).all()
    assert np.abs(result.images).max() < 7.0
    hole = result.images[0, 60 - 47 : 70 - 47, 60 - 47 : 70 - 47]
    assert 0.6 < hole.std() < 1.4


def test_boxes_at_the_border() -> None:
    micrograph = np.random.default_rng(5).normal(0.0, 1.0, (300, 300)).astype(np.float32)
    # 25 % outside at most: of a box of 64, at x = 16 exactly a quarter lies outside.
    result = extract_particles(
        micrograph,
        [16, 15, 150, 16],
        [150, 150, 150, 30],
        pixel_size_a=1.0,
        box_px=64,
        background_radius_a=24.0,
    )
    assert result.kept.tolist() == [0, 2]
    assert np.isfinite(result.images).all()


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_beyond_the_edge_its_pixels_are_repeated(side: str) -> None:
    micrograph = np.random.default_rng(5).normal(0.0, 1.0, (120, 150)).astype(np.float32)
    places = {"left": (20, 60), "right": (129, 60), "top": (75, 20), "bottom": (75, 99)}
    x, y = places[side]
    result = extract_particles(
        micrograph, [x], [y], pixel_size_a=1.0, box_px=64, background_radius_a=24.0, outlier_sigma=0.0
    )
    box = np.pad(micrograph, 64, mode="edge")[y + 32 : y + 96, x + 32 : x + 96]
    # But for a plane and a scale.
    rows, columns = np.mgrid[:64, :64]
    terms = np.stack([box.ravel(), columns.ravel(), rows.ravel(), np.ones(box.size)], axis=1)
    image = result.images[0].ravel()
    parts, *_ = np.linalg.lstsq(terms, image, rcond=None)
    assert np.abs(image - terms @ parts).max() < 1e-4


def test_filling_does_not_depend_on_company() -> None:
    micrograph = np.random.default_rng(6).normal(0.0, 1.0, (300, 300)).astype(np.float32)
    micrograph[120:130, 20:30] = np.nan

    def cut(x: list[int], seed: int) -> np.ndarray:
        result = extract_particles(
            micrograph,
            x,
            [150] * len(x),
            pixel_size_a=1.0,
            box_px=64,
            background_radius_a=24.0,
            seed=seed,
        )
        return result.images

    np.testing.assert_array_equal(cut([18], 7)[0], cut([120, 18], 7)[1])
    assert not np.array_equal(cut([18], 7)[0], cut([18], 8)[0])


def test_nothing_to_extract() -> None:
    result = extract_particles(np.zeros((64, 64), np.float32), [], [], pixel_size_a=1.0, box_px=32)
    assert result.images.shape == (0, 32, 32)


def test_a_constant_micrograph_gives_finite_images() -> None:
    result = extract_particles(np.full((64, 64), 3.0, np.float32), [32], [32], pixel_size_a=1.0, box_px=32)
    assert np.isfinite(result.images).all()


@pytest.mark.parametrize(("box", "radius"), [(63, 20.0), (4, 1.0), (64, 60.0)])
def test_impossible_boxes_are_refused(box: int, radius: float) -> None:
    with pytest.raises(InputError, match="box"):
        extract_particles(
            np.zeros((99, 99), np.float32),
            [50],
            [50],
            pixel_size_a=1.0,
            box_px=box,
            background_radius_a=radius,
        )


@given(st.floats(20.0, 800.0), st.floats(0.4, 6.0))
@settings(max_examples=200, deadline=None)
def test_boxes_hold_the_particle_and_suit_the_fft(diameter: float, pixel: float) -> None:
    box = choose_box(diameter, pixel)
    assert box % 2 == 0
    assert box * pixel >= 1.5 * diameter
    rest = box
    for prime in (2, 3, 5, 7):
        while rest % prime == 0:
            rest //= prime
    assert rest == 1
    smaller = [n for n in range(2, box, 2) if n * pixel > 1.6 * diameter * (1 + 1e-9)]
    assert all(friendly_size(n) != n for n in smaller)


def test_rounding_agrees_with_relion() -> None:
    # RELION truncates the coordinate and puts that pixel at box // 2; ours are whole, so both agree.
    micrograph = np.random.default_rng(8).normal(0.0, 1.0, (100, 100)).astype(np.float32)
    result = extract_particles(
        micrograph,
        [49.6, 50.49],
        [50.4, 49.51],
        pixel_size_a=1.0,
        box_px=40,
        background_radius_a=15.0,
        outlier_sigma=0.0,
    )
    cut = micrograph[50 - 20 : 50 + 20, 50 - 20 : 50 + 20]
    for image in result.images:
        assert np.corrcoef(image.ravel(), -cut.ravel())[0, 1] > 0.995
    np.testing.assert_allclose(result.rest_x_a, [-0.4, 0.49], atol=1e-9)
    np.testing.assert_allclose(result.rest_y_a, [0.4, -0.49], atol=1e-9)
