"""Pictures for people: previews, spectra, curves, sheets of class averages. Row 0 is at the top."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from frazil.formats.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.model.ctf import CtfProfile

PREVIEW_PX = 1024
THUMBNAIL_PX = 192
_LOW_PASS_A = 12.0
_CLIP_SIGMA = 3.0
_SAMPLE = 250_000
_BACKGROUND = (255, 255, 255)
_INK = (40, 44, 52)
_FAINT = (200, 204, 212)
_CURVES = {"spectrum": (52, 101, 164), "fit": (204, 85, 0), "agreement": (120, 140, 120)}


def grey_levels(image: NDArray[np.float32], clip_sigma: float = _CLIP_SIGMA) -> NDArray[np.uint8]:
    """Grey values 0 to 255 for an image; outliers are clipped."""
    finite = np.isfinite(image)
    values = image if finite.all() else image[finite]
    if not values.size:
        return np.zeros(image.shape, np.uint8)
    sample = values.ravel()[:: max(1, values.size // _SAMPLE)]
    centre = float(np.median(sample))
    spread = 1.4826 * float(np.median(np.abs(sample - centre))) or float(values.std()) or 1.0
    scaled = (np.where(finite, image, np.float32(centre)) - centre) / (2 * clip_sigma * spread) + 0.5
    return np.asarray(np.clip(np.rint(scaled * 255.0), 0, 255), np.uint8)


def preview_image(
    micrograph: NDArray[np.float32], pixel_size_a: float, longest_px: int = PREVIEW_PX
) -> tuple[Image.Image, float]:
    """Low-passed picture of a micrograph with flattened background; also its scale to the micrograph."""
    block = max(1, int(np.floor(max(micrograph.shape) / (1.5 * longest_px))))
    small = _binned(micrograph.astype(np.float32, copy=False), block)
    pixel = pixel_size_a * block
    small = small - _smooth(small, 600.0 / pixel)
    small = ndimage.gaussian_filter(small, min(max(0.2 * _LOW_PASS_A / pixel, 0.5), 4.0))
    picture = Image.fromarray(grey_levels(small))
    scale = min(1.0, longest_px / max(picture.size))
    if scale < 1.0:
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return picture, picture.width / micrograph.shape[1]


def _binned(image: NDArray[np.float32], block: int) -> NDArray[np.float32]:
    """Means of blocks; whole lines are added, as NumPy is slow at sums of a few neighbours."""
    rows, columns = (length // block for length in image.shape)
    lines = image[: rows * block, : columns * block].reshape(rows, block, columns * block).sum(axis=1)
    total: NDArray[np.float32] = lines[:, ::block].copy()
    for offset in range(1, block):
        total += lines[:, offset::block]
    total /= np.float32(block * block)
    return total


def _smooth(image: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """Broad Gaussian blur, computed on a coarse grid."""
    step = max(1, int(sigma_px / 6))
    coarse = ndimage.gaussian_filter(image[::step, ::step], sigma_px / step, mode="nearest")
    if step == 1:
        return np.asarray(coarse, np.float32)
    zoomed = ndimage.zoom(coarse, [a / b for a, b in zip(image.shape, coarse.shape, strict=True)], order=1)
    return np.asarray(zoomed[: image.shape[0], : image.shape[1]], np.float32)


def with_circles(
    picture: Image.Image, x: NDArray[np.float64], y: NDArray[np.float64], radius: float
) -> Image.Image:
    """Draw circles around picks; all in pixels of the picture."""
    result = picture.convert("RGB")
    draw = ImageDraw.Draw(result)
    for centre_x, centre_y in zip(x.tolist(), y.tolist(), strict=True):
        box = (centre_x - radius, centre_y - radius, centre_x + radius, centre_y + radius)
        draw.ellipse(box, outline=(60, 220, 90), width=2 if radius > 12 else 1)
    return result


def save_picture(path: Path, picture: Image.Image, quality: int = 85) -> None:
    """Write a JPEG, whole or not at all."""
    with atomic_path(path) as part:
        picture.save(part, format="JPEG", quality=quality)


def profile_picture(profile: CtfProfile, title: str, width: int = 640, height: int = 320) -> Image.Image:
    """Plot of the 1D spectrum, the CTF fit and their agreement over frequency."""
    picture = Image.new("RGB", (width, height), _BACKGROUND)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(13)
    left, right, top, bottom = 44, width - 12, 30, height - 34
    draw.text((left, 8), title, fill=_INK, font=font)
    frequency = profile.frequency_per_a
    if frequency.size < 2:
        draw.text((left, height // 2), "no curves", fill=_INK, font=font)
        return picture
    last = float(frequency[-1])
    for value in (0.0, 0.5, 1.0):
        y = _to_pixel(value, -0.1, 1.1, bottom, top)
        draw.line((left, y, right, y), fill=_FAINT)
        draw.text((10, y - 8), f"{value:g}", fill=_INK, font=font)
    for resolution in (20.0, 10.0, 7.0, 5.0, 4.0, 3.5, 3.0, 2.5, 2.0):
        if float(frequency[0]) < 1.0 / resolution < last:
            x = _to_pixel(1.0 / resolution, 0.0, last, left, right)
            draw.line((x, top, x, bottom), fill=_FAINT)
            draw.text((x - 12, bottom + 6), f"{resolution:g} A", fill=_INK, font=font)
    shown = np.nan_to_num(profile.spectrum)
    # The rise towards low frequencies would flatten the rest: the scale is that of the rings.
    scale = float(np.percentile(np.abs(shown), 98)) or 1.0
    curves = {
        "agreement": profile.agreement,
        "spectrum": shown / scale if scale > 1.0 else shown,
        "fit": profile.fit,
    }
    for name, values in curves.items():
        finite = np.isfinite(values)
        points = [
            (_to_pixel(float(k), 0.0, last, left, right), _to_pixel(float(v), -0.1, 1.1, bottom, top))
            for k, v in zip(frequency[finite], np.clip(values[finite], -0.1, 1.1), strict=True)
        ]
        if len(points) > 1:
            draw.line(points, fill=_CURVES[name], width=2 if name != "agreement" else 1)
    for place, name in enumerate(_CURVES):
        draw.text((right - 230 + 80 * place, 8), name, fill=_CURVES[name], font=font)
    return picture


def _to_pixel(value: float, low: float, high: float, first: float, last: float) -> float:
    return first + (value - low) / (high - low) * (last - first)


def class_levels(averages: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Grey values 0 to 255 of class averages (K, rows, columns), on one scale; empty ones do not count."""
    filled = averages[averages.any(axis=(1, 2))] if len(averages) else averages
    low, high = np.percentile(filled, [1.0, 99.7]) if filled.size else (0.0, 1.0)
    return np.asarray(np.clip((averages - low) / max(high - low, 1e-9) * 255.0, 0, 255), np.uint8)


def class_sheet(
    averages: NDArray[np.float32], captions: Sequence[str], order: Sequence[int], tile_px: int = 120
) -> Image.Image:
    """Class averages in one picture, on one grey scale, each with its caption."""
    columns = max(1, min(10, int(np.ceil(np.sqrt(len(order) * 1.5)))))
    rows = max(1, -(-len(order) // columns))
    label = 18
    sheet = Image.new("L", (columns * (tile_px + 4), rows * (tile_px + label + 4)), 255)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(12)
    shown = class_levels(averages[list(order)] if len(order) else averages[:0])
    for place, number in enumerate(order):
        x, y = place % columns * (tile_px + 4) + 2, place // columns * (tile_px + label + 4) + 2
        tile = Image.fromarray(shown[place]).resize((tile_px, tile_px), Image.Resampling.BICUBIC)
        sheet.paste(tile, (x, y))
        draw.text((x + 2, y + tile_px + 1), captions[number], fill=0, font=font)
    return sheet
