"""Frames of which a stretch was lost: zeros or garbage from a disk fault or a torn copy.

A file's bytes are lost by the block, so that whole rows of a frame hold something else. All frames show the
same field: the mean of a row, relative to that of its frame, is nearly the same in all of them, whatever the
specimen does; or, where edges of shadows drift, nearly that of rows beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS = 1024
_USUAL = (0.4, 2.5)
"""Mean of a row relative to what the other frames show there and beside it."""
_USUAL_SPREAD = (0.4, 30.0)
"""The same for the deviation of pixels that have no mean; the upper limit spares hits of cosmic rays."""
_SHADOW = 0.3
"""Rows darker than this share of the usual are shadows: they have no level."""
_DRIFT_PX = 100
_PRECISE = 0.1
_NO_LEVEL = 0.02
_FEWEST = 3


def rows_apart(height_px: int) -> int:
    """Every how many rows are looked at: finely enough for the smallest blocks of disks and networks."""
    return max(1, height_px // _ROWS)


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def row_statistics(frame: Any, step: int, means: Any, spreads: Any) -> None:
    """Mean and standard deviation of the pixels of every ``step``-th row; both float64, one for each row."""
    for number in range(len(means)):
        row = frame[number * step]
        total = 0.0
        squares = 0.0
        for x in range(len(row)):
            value = float(row[x])
            total += value
            squares += value * value
        mean = total / len(row)
        means[number] = mean
        spreads[number] = np.sqrt(max(squares / len(row) - mean * mean, 0.0))


def torn_frames(
    means: NDArray[np.float64], spreads: NDArray[np.float64], width_px: int, step: int
) -> dict[int, tuple[int, int]]:
    """Find the frames that hold rows unlike those of the others.

    Parameters
    ----------
    means, spreads
        Shape (F, R): of the rows that were looked at, as `row_statistics` gives them.
    width_px
        Pixels of a row.
    step
        Every how many rows were looked at.

    Returns
    -------
    torn
        For each such frame, from 0, the first and the last of its rows that are wrong. Frames that are wrong
        all over (blank, saturated) are none: their rows agree with each other. Where fewer than three frames
        can be compared, nothing is found.
    """
    finite = np.isfinite(means) & np.isfinite(spreads)
    alive = finite & (spreads > 0)
    compared = np.flatnonzero(alive.mean(axis=1) > 0.5)
    if len(compared) < _FEWEST:
        return {}
    mean, spread, known = means[compared], spreads[compared], finite[compared]
    with np.errstate(all="ignore"):
        noise = np.median(np.where(known, spread, 0.0), axis=0)
        typical = np.median(np.where(known, mean, 0.0), axis=0)
        if np.median(typical) > _NO_LEVEL * np.median(noise):
            precise = _PRECISE * np.sqrt(width_px) * typical > noise
            wrong = _unlike(mean, typical, _USUAL, step) & precise
        else:
            wrong = _unlike(spread, noise, _USUAL_SPREAD, step)
    wrong |= ~known
    torn = {}
    for number, rows in zip(compared.tolist(), wrong, strict=True):
        where = np.flatnonzero(rows)
        if len(where):
            torn[number] = int(where[0]), int(where[-1])
    return torn


def _unlike(
    values: NDArray[np.float64], typical: NDArray[np.float64], usual: tuple[float, float], step: int
) -> NDArray[np.bool_]:
    """Whether values (F, R), relative to the frame's level, are out of proportion to typical ones (R,)."""
    shadow = _SHADOW * np.median(typical)
    lit = typical > shadow
    level = np.median(values[:, lit] / typical[lit], axis=1, keepdims=True) if lit.any() else np.ones((1, 1))
    reach = -(-_DRIFT_PX // step)
    beside = sliding_window_view(np.pad(typical, reach, mode="edge"), 2 * reach + 1)
    lowest, highest = beside.min(axis=1), beside.max(axis=1)
    relative = values / level
    fits = (relative < usual[1] * highest) & ((relative > usual[0] * lowest) | (lowest <= shadow))
    return np.asarray(~fits & (highest > shadow) & (level > 0), dtype=np.bool_)
