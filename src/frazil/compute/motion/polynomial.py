"""Local motion as RELION's polynomial, for export."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from frazil.model.motion import MotionField

COEFFICIENTS = 36
_TIMES = 3


def fit_polynomial(field: MotionField, grid: tuple[int, int] = (9, 9)) -> tuple[NDArray[np.float64], float]:
    """Least-squares fit of RELION's motion model (version 1) to the local part of a field.

    Parameters
    ----------
    field
        Its motion relative to the global track is fitted.
    grid
        Places along y and x where the two are compared.

    Returns
    -------
    coefficients
        Shape (36,): 18 for x, then 18 for y, as `polynomial_shift_px` reads them; unbinned pixels.
    rms_px
        Root mean square length of what the polynomial leaves over, unbinned pixels.
    """
    y, x = np.meshgrid(
        np.linspace(0, field.height_px - 1, grid[0]),
        np.linspace(0, field.width_px - 1, grid[1]),
        indexing="ij",
    )
    shift = -field.local_shift_a(x, y) / field.pixel_size_a
    shift -= shift[:1]
    table = _terms(x / field.width_px - 0.5, y / field.height_px - 0.5, field.frames)
    matrix = table.reshape(-1, table.shape[-1])
    solution = np.linalg.lstsq(matrix, shift.reshape(-1, 2), rcond=None)[0]
    left = shift.reshape(-1, 2) - matrix @ solution
    return np.concatenate([solution[:, 0], solution[:, 1]]), float(np.sqrt((left**2).sum(1).mean()))


def polynomial_shift_px(
    coefficients: ArrayLike, x: ArrayLike, y: ArrayLike, frames: int
) -> NDArray[np.float64]:
    """RELION's local shift to apply, relative to the global track.

    ``s(x, y, z) = Σ_p Σ_m c[3 p + m − 1] {1, x, x², y, y², x y}_p z^m``, m = 1 … 3, z the frame from 0.

    Parameters
    ----------
    coefficients
        Shape (36,), unbinned pixels.
    x, y
        Shape (...): position divided by size, minus ½.

    Returns
    -------
    shift_px
        Shape (frames, ..., 2) in (x, y), unbinned pixels.
    """
    values = np.asarray(coefficients, dtype=np.float64).reshape(2, -1)
    shift: NDArray[np.float64] = _terms(np.asarray(x, float), np.asarray(y, float), frames) @ values.T
    return shift


def _terms(x: NDArray[np.float64], y: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
    """Values of the 18 terms: shape (frames, ..., 18), term 3 p + m − 1 last."""
    place = np.stack([np.ones_like(x + y), x + 0 * y, x**2 + 0 * y, y + 0 * x, y**2 + 0 * x, x * y], axis=-1)
    time = np.arange(frames)[:, None] ** np.arange(1, _TIMES + 1)
    product = place[None, ..., :, None] * time.reshape(frames, *([1] * place.ndim), _TIMES)
    terms: NDArray[np.float64] = product.reshape(*product.shape[:-2], -1)
    return terms
