"""Pictures show what they should, whatever the values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from frazil.model.ctf import CtfProfile
from frazil.stages.pictures import class_sheet, grey_levels, preview_image, profile_picture, save_picture

if TYPE_CHECKING:
    from pathlib import Path


def test_outliers_do_not_take_the_contrast() -> None:
    image = np.random.default_rng(0).normal(100.0, 2.0, (200, 200)).astype(np.float32)
    image[3, 3], image[7, 7] = 1e6, np.nan
    grey = grey_levels(image)
    assert 110 < np.median(grey) < 145
    assert 30 < grey.std() < 60
    assert grey[3, 3] == 255


@pytest.mark.parametrize("value", [0.0, 5.0, np.nan])
def test_a_blank_image_gives_a_picture(value: float) -> None:
    assert grey_levels(np.full((8, 8), value, np.float32)).shape == (8, 8)


def test_preview_keeps_proportions_orientation_and_dark_particles() -> None:
    y, x = np.mgrid[:900, :1500]
    noise = np.random.default_rng(1).normal(size=y.shape)
    disc = np.hypot(x - 300, y - 200) < 60
    picture, scale = preview_image((noise - 3.0 * disc).astype(np.float32), 1.0, longest_px=500)
    assert picture.size == (500, 300)
    assert scale == pytest.approx(1 / 3)
    shown = np.asarray(picture, float)
    assert shown[67, 100] < shown[200, 400] - 40
    assert shown[60:74, 93:107].mean() < np.median(shown) - 40


def test_class_sheet_uses_one_grey_scale() -> None:
    averages = np.zeros((3, 16, 16), np.float32)
    averages[0, 4:12, 4:12], averages[2, 4:12, 4:12] = 1.0, 0.5
    sheet = np.asarray(class_sheet(averages, ["a", "b", "c"], [0, 2], tile_px=64))
    assert sheet[34, 34] > 1.7 * sheet[34, 68 + 34] > 0


@pytest.mark.parametrize("points", [0, 1, 200])
def test_profile_is_drawn(points: int, tmp_path: Path) -> None:
    k = np.linspace(0.03, 0.3, points)
    curve = np.sin(900 * k**2) ** 2
    picture = profile_picture(CtfProfile(k, curve, curve, np.full(points, np.nan)), "title")
    save_picture(tmp_path / "p.jpg", picture)
    with Image.open(tmp_path / "p.jpg") as read:
        assert read.size == picture.size
    coloured = np.asarray(picture, int)
    orange = (coloured[..., 0] - coloured[..., 2] > 100).sum()
    assert (orange > 500) == (points == 200)
