"""Displace an image by a smooth field: windowed sinc interpolation, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_PX = 8
_TAPS = 12
_STEPS = 4096


def _sinc_table() -> NDArray[np.float32]:
    """Weights of the taps for sub-pixel positions 0 … 1 in steps of 1/_STEPS: shape (_STEPS + 1, _TAPS)."""
    fraction = np.arange(_STEPS + 1)[:, None] / _STEPS
    distance = np.arange(_TAPS)[None, :] - (_TAPS // 2 - 1) - fraction
    window = np.i0(5.6 * np.sqrt(np.clip(1.0 - (2.0 * distance / _TAPS) ** 2, 0.0, None)))
    weight = np.sinc(distance) * window
    table: NDArray[np.float32] = (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)
    return table


_TABLE = _sinc_table()


@numba.njit(nogil=True, cache=True, fastmath=True)
def _add_displaced(
    image: NDArray[np.float32],
    margin: int,
    shift_x: float,
    shift_y: float,
    burst: NDArray[np.float32],
    burst_share: float,
    drift: NDArray[np.float32],
    drift_share: float,
    weight: float,
    table: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Add ``weight · image(x - u(x0))`` to ``out``; u in pixels, fields given at block centres."""
    height, width = out.shape
    rows, columns = burst.shape[0], burst.shape[1]
    part = np.float32(weight)
    strip = np.empty((BLOCK_PX + _TAPS, BLOCK_PX), np.float32)
    row = np.empty(BLOCK_PX, np.float32)
    for by in range(rows):
        y0 = by * BLOCK_PX
        nrow = min(BLOCK_PX, height - y0)
        for bx in range(columns):
            x0 = bx * BLOCK_PX
            ncol = min(BLOCK_PX, width - x0)
            ux, uy = shift_x, shift_y
            # The field belongs to the place where the specimen was at first: two steps of x0 = x - u(x0).
            for _ in range(3):
                fx = min(max(bx - ux / BLOCK_PX, 0.0), columns - 1.001)
                fy = min(max(by - uy / BLOCK_PX, 0.0), rows - 1.001)
                ix, iy = int(fx), int(fy)
                jx, jy = min(ix + 1, columns - 1), min(iy + 1, rows - 1)
                tx, ty = fx - ix, fy - iy
                a, b = (1 - ty) * (1 - tx), (1 - ty) * tx
                c, d = ty * (1 - tx), ty * tx
                ux = shift_x + burst_share * (
                    a * burst[iy, ix, 0] + b * burst[iy, jx, 0] + c * burst[jy, ix, 0] + d * burst[jy, jx, 0]
                )
                uy = shift_y + burst_share * (
                    a * burst[iy, ix, 1] + b * burst[iy, jx, 1] + c * burst[jy, ix, 1] + d * burst[jy, jx, 1]
                )
                ux += drift_share * (
                    a * drift[iy, ix, 0] + b * drift[iy, jx, 0] + c * drift[jy, ix, 0] + d * drift[jy, jx, 0]
                )
                uy += drift_share * (
                    a * drift[iy, ix, 1] + b * drift[iy, jx, 1] + c * drift[jy, ix, 1] + d * drift[jy, jx, 1]
                )
            left, top = int(np.floor(-ux)), int(np.floor(-uy))
            wx = table[int(np.rint((-ux - left) * _STEPS))]
            wy = table[int(np.rint((-uy - top) * _STEPS))]
            first_x = x0 + margin + left - (_TAPS // 2 - 1)
            first_y = y0 + margin + top - (_TAPS // 2 - 1)
            first_x = min(max(first_x, 0), image.shape[1] - BLOCK_PX - _TAPS)
            first_y = min(max(first_y, 0), image.shape[0] - BLOCK_PX - _TAPS)
            # Unsigned indices and eight named sums let the compiler use vector instructions.
            left_u = np.uintp(first_x)
            for j in range(BLOCK_PX + _TAPS - 1):
                line = image[first_y + j]
                s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = np.float32(0.0)
                for t in range(np.uintp(_TAPS)):
                    w = wx[t]
                    p = left_u + t
                    s0 += w * line[p]
                    s1 += w * line[p + np.uintp(1)]
                    s2 += w * line[p + np.uintp(2)]
                    s3 += w * line[p + np.uintp(3)]
                    s4 += w * line[p + np.uintp(4)]
                    s5 += w * line[p + np.uintp(5)]
                    s6 += w * line[p + np.uintp(6)]
                    s7 += w * line[p + np.uintp(7)]
                strip[j, 0], strip[j, 1], strip[j, 2], strip[j, 3] = s0, s1, s2, s3
                strip[j, 4], strip[j, 5], strip[j, 6], strip[j, 7] = s4, s5, s6, s7
            for j in range(np.uintp(nrow)):
                s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = np.float32(0.0)
                for t in range(np.uintp(_TAPS)):
                    w = wy[t]
                    q = j + t
                    s0 += w * strip[q, np.uintp(0)]
                    s1 += w * strip[q, np.uintp(1)]
                    s2 += w * strip[q, np.uintp(2)]
                    s3 += w * strip[q, np.uintp(3)]
                    s4 += w * strip[q, np.uintp(4)]
                    s5 += w * strip[q, np.uintp(5)]
                    s6 += w * strip[q, np.uintp(6)]
                    s7 += w * strip[q, np.uintp(7)]
                row[0], row[1], row[2], row[3] = s0, s1, s2, s3
                row[4], row[5], row[6], row[7] = s4, s5, s6, s7
                for i in range(ncol):
                    out[y0 + j, x0 + i] += part * row[i]


def add_displaced(
    image: NDArray[np.float32],
    margin_px: int,
    shift_px: NDArray[np.float64],
    burst_px: NDArray[np.float32],
    burst_share: float,
    drift_px: NDArray[np.float32],
    drift_share: float,
    weight: float,
    out: NDArray[np.float32],
) -> None:
    """Add a displaced image to ``out``.

    Parameters
    ----------
    image
        Shape (h, w), with a margin of at least ``margin_px`` on every side.
    shift_px
        (x, y) displacement of the whole field, pixels.
    burst_px, drift_px
        Shape (rows, columns, 2): local displacement at the centres of blocks of `BLOCK_PX`, pixels.
    burst_share, drift_share
        What to multiply them with.
    weight
        Factor of the image.
    out
        Shape (height, width), float32.
    """
    x, y = float(shift_px[0]), float(shift_px[1])
    _add_displaced(
        image, margin_px, x, y, burst_px, burst_share, drift_px, drift_share, weight, _TABLE, out
    )  # fmt: skip


def block_centres_px(height_px: int, width_px: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres of the blocks, (x, y), broadcastable to (rows, columns)."""
    half = 0.5 * (BLOCK_PX - 1)
    y = np.arange(-(-height_px // BLOCK_PX), dtype=np.float64) * BLOCK_PX + half
    x = np.arange(-(-width_px // BLOCK_PX), dtype=np.float64) * BLOCK_PX + half
    return x[None, :], y[:, None]
