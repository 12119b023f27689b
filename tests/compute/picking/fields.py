"""Simple fields of known content, made without the code under test."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter


def disc(shape: tuple[int, int], x: float, y: float, diameter_px: float) -> np.ndarray:
    """Soft-edged disc of height one."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    field: np.ndarray = np.clip(0.5 * diameter_px - np.hypot(columns - x, rows - y) + 0.5, 0.0, 1.0)
    return field


def scatter(
    rng: np.random.Generator, shape: tuple[int, int], count: int, distance_px: float, margin_px: float
) -> np.ndarray:
    """Random places (n, 2) (x, y) at least a distance apart."""
    places: list[np.ndarray] = []
    for _ in range(200 * count):
        if len(places) == count:
            break
        place = rng.uniform([margin_px, margin_px], [shape[1] - margin_px, shape[0] - margin_px])
        if all(np.hypot(*(place - other)) >= distance_px for other in places):
            places.append(place)
    return np.array(places)


def micrograph(
    places: np.ndarray,
    shape: tuple[int, int],
    diameter_px: float,
    *,
    contrast: float,
    seed: int,
    hollow: float = 0.0,
) -> np.ndarray:
    """Dark discs (or rings) on noise of unit variance, with a slow gradient."""
    rng = np.random.default_rng(seed)
    signal = np.zeros(shape)
    for x, y in places:
        signal += disc(shape, x, y, diameter_px)
        if hollow:
            signal -= disc(shape, x, y, hollow * diameter_px)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    gradient = 0.3 * rows / shape[0] - 0.2 * columns / shape[1]
    field = 10.0 + gradient - contrast * gaussian_filter(signal, 1.0) + rng.normal(0.0, 1.0, shape)
    return np.asarray(field, dtype=np.float32)


def nearest(found: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Distance from each place to the nearest found one."""
    if len(found) == 0:
        return np.full(len(places), np.inf)
    distance: np.ndarray = np.hypot(*(found[:, None] - places[None]).transpose(2, 0, 1)).min(axis=0)
    return distance
