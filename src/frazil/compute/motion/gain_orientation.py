"""How a gain reference lies on the camera: its eight orientations against the mean of raw frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

SURE_SIGMA, SURE_RATIO = 5.0, 2.0
_HIGH_PASS_PX = 9
_CLIP_SIGMA = 5.0
_ROLLS = 12


@dataclass(frozen=True)
class Orientation:
    """One way to lay a gain reference on the frames: first turned, then flipped.

    Attributes
    ----------
    rotation_deg
        Clockwise on a screen with row 0 at the top.
    flip_x
        Left-right, after turning.
    score_sigma
        Correlation of the mean frame with 1 / gain, in units of what chance gives. Below zero: the reference
        is to be inverted.
    """

    rotation_deg: int
    flip_x: bool
    score_sigma: float


@dataclass(frozen=True)
class Verdict:
    """What fits; ``ratio`` is the best score over the second one, infinite if that is not above zero."""

    orientations: tuple[Orientation, ...]
    best: Orientation
    ratio: float
    sure: bool
    inverted: bool


def oriented(image: NDArray[np.float32], rotation_deg: int, *, flip_x: bool) -> NDArray[np.float32]:
    """Turn an image of shape (h, w) clockwise, then flip its columns."""
    turned = np.rot90(image, -(rotation_deg // 90))
    return turned[:, ::-1] if flip_x else turned


def judge_orientations(mean: NDArray[np.float32], gain: NDArray[np.float32], seed: int = 1) -> Verdict:
    """Try the eight orientations (four where the camera is not square).

    What a gain reference takes away stands in uncorrected frames, pixel by pixel, as 1 / gain. Both are
    freed of what changes slowly (the specimen) and of outliers (hot pixels) before they are compared; chance
    is measured by comparing them displaced.

    Parameters
    ----------
    mean
        Mean of uncorrected, unaligned frames, shape (h, w).
    gain
        To be multiplied with frames, as stored, shape (h, w) or (w, h); 0 marks a defect.
    seed
        Of the displacements.

    Returns
    -------
        All orientations that have the frames' shape, best first. It is sure when the best exceeds chance
        five times and the second one twice.

    Raises
    ------
    ValueError
        No orientation has the frames' shape.
    """
    if gain.shape not in (mean.shape, mean.shape[::-1]):
        raise ValueError(f"a gain of shape {gain.shape} can't be laid on frames of {mean.shape}")
    good = gain > 0
    inverse = np.divide(1.0, gain, out=np.ones_like(gain), where=good)
    inverse[~good] = inverse[good].mean() if good.any() else 1.0
    pattern, frame = _detail(inverse), _detail(mean)
    found = []
    for rotation_deg in (0, 90, 180, 270):
        for flip_x in (False, True):
            laid = oriented(pattern, rotation_deg, flip_x=flip_x)
            if laid.shape == mean.shape:
                found.append((rotation_deg, flip_x, float(np.mean(laid * frame))))
    laid = oriented(pattern, found[0][0], flip_x=found[0][1])
    random = np.random.default_rng(seed)
    chance = np.std([np.mean(_rolled(laid, random) * frame) for _ in range(_ROLLS)])
    sigma = max(float(chance), 1.0 / float(np.sqrt(mean.size)))
    scored = sorted((Orientation(r, f, s / sigma) for r, f, s in found), key=lambda o: -abs(o.score_sigma))
    best, second = abs(scored[0].score_sigma), abs(scored[1].score_sigma)
    ratio = best / second if second > 0 else float("inf")
    return Verdict(
        tuple(scored),
        scored[0],
        ratio,
        sure=best > SURE_SIGMA and ratio > SURE_RATIO,
        inverted=scored[0].score_sigma < 0,
    )


def _detail(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Differences to the surroundings, clipped, of mean 0 and variance 1."""
    values = image.astype(np.float32, copy=False)
    detail = values - ndimage.uniform_filter(values, _HIGH_PASS_PX, mode="nearest")
    spread = 1.4826 * float(np.median(np.abs(detail))) or float(detail.std()) or 1.0
    detail = np.clip(detail, -_CLIP_SIGMA * spread, _CLIP_SIGMA * spread)
    detail -= detail.mean()
    return np.asarray(detail / max(float(detail.std()), 1e-12), np.float32)


def _rolled(image: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    by = [
        int(random.integers(length // 8, max(length // 8 + 1, length - length // 8)))
        for length in image.shape
    ]
    return np.roll(image, by, axis=(0, 1))
