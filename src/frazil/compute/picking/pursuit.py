"""Finding particles one by one in a map of z-scores, each explained before the next is looked for.

A matched filter's map is the sum of the template's autocorrelation at every particle. On crowded fields
the sums pull neighbouring peaks together and raise false ones between them. Here the strongest peaks are
taken, their share is subtracted, and every particle is then centred and scored on the map from which all
*others* have been removed (matching pursuit, Mallat and Zhang 1993, with coordinate descent).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@numba.njit(nogil=True, cache=True)
def add_radial(
    field: NDArray[np.float32], y: float, x: float, scale: float, profile: NDArray[np.float32], step: float
) -> None:  # pragma: no cover - compiled
    """Add ``scale`` times a radial profile (sampled every ``step`` pixels) around (y, x), in place."""
    reach = (profile.size - 2) * step
    for j in range(max(0, int(np.ceil(y - reach))), min(field.shape[0], int(y + reach) + 1)):
        dy2 = (j - y) ** 2
        for i in range(max(0, int(np.ceil(x - reach))), min(field.shape[1], int(x + reach) + 1)):
            r2 = dy2 + (i - x) ** 2
            if r2 < reach * reach:
                position = np.sqrt(r2) / step
                k = int(position)
                f = position - k
                field[j, i] += scale * (profile[k] * (1.0 - f) + profile[k + 1] * f)


@numba.njit(nogil=True, cache=True)
def refine_peak(field: NDArray[np.float32], y: int, x: int) -> tuple[float, float, float]:
    """Top of the quadratic through the 3 x 3 pixels around a maximum: (y, x, height)."""
    height, width = field.shape
    if y < 1 or x < 1 or y > height - 2 or x > width - 2:
        return float(y), float(x), float(field[y, x])
    s = sx = sy = sxx = syy = sxy = 0.0
    for j in range(-1, 2):
        for i in range(-1, 2):
            v = field[y + j, x + i]
            s += v
            sx += i * v
            sy += j * v
            sxx += i * i * v
            syy += j * j * v
            sxy += i * j * v
    bx, by, c = sx / 6.0, sy / 6.0, sxy / 4.0
    ax, ay = 0.5 * sxx - s / 3.0, 0.5 * syy - s / 3.0
    det = 4.0 * ax * ay - c * c
    if ax < 0.0 and ay < 0.0 and det > 0.0:
        dx = -(2.0 * ay * bx - c * by) / det
        dy = -(2.0 * ax * by - c * bx) / det
        if abs(dx) <= 1.0 and abs(dy) <= 1.0:
            top = (5.0 * s - 3.0 * sxx - 3.0 * syy) / 9.0 + 0.5 * (bx * dx + by * dy)
            return y + dy, x + dx, top
    return float(y), float(x), float(field[y, x])


@numba.njit(nogil=True, cache=True)
def local_maxima(
    field: NDArray[np.float32], threshold: float, radius: float
) -> NDArray[np.int64]:  # pragma: no cover - compiled
    """Pixels above ``threshold`` that are the largest within ``radius``: shape (n, 2), (y, x)."""
    height, width = field.shape
    reach = int(radius)
    found = []
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            v = field[y, x]
            if (
                v < threshold
                or field[y, x - 1] > v
                or field[y, x + 1] > v
                or field[y - 1, x] > v
                or field[y + 1, x] > v
            ):
                continue
            largest = True
            for j in range(max(0, y - reach), min(height, y + reach + 1)):
                for i in range(max(0, x - reach), min(width, x + reach + 1)):
                    if (j - y) ** 2 + (i - x) ** 2 <= radius * radius and field[j, i] > v:
                        largest = False
                        break
                if not largest:
                    break
            if largest:
                found.append((y, x))
    result = np.empty((len(found), 2), np.int64)
    for n in range(len(found)):
        result[n, 0] = found[n][0]
        result[n, 1] = found[n][1]
    return result


@numba.njit(nogil=True, cache=True)
def _climb(field: NDArray[np.float32], y: int, x: int, steps: int) -> tuple[int, int]:
    for _ in range(steps):
        top_y, top_x = y, x
        for j in range(max(0, y - 1), min(field.shape[0], y + 2)):
            for i in range(max(0, x - 1), min(field.shape[1], x + 2)):
                if field[j, i] > field[top_y, top_x]:
                    top_y, top_x = j, i
        if top_y == y and top_x == x:
            break
        y, x = top_y, top_x
    return y, x


@numba.njit(nogil=True, cache=True)
def pursue(
    z: NDArray[np.float32],
    allowed: NDArray[np.bool_],
    threshold: float,
    min_distance: float,
    profile: NDArray[np.float32],
    step: float,
    most: int,
    rounds: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:  # pragma: no cover - compiled
    """Explain a map of z-scores by particles.

    Parameters
    ----------
    z
        Shape (h, w); overwritten by what no particle explains.
    allowed
        Shape (h, w): where centres may lie.
    threshold, min_distance
        Smallest peak, and the closest that a new particle may lie to one already found, pixels.
    profile, step
        The template's normalised autocorrelation, sampled every ``step`` pixels from 0; ends at zero.
    most
        Stop at this many.
    rounds
        How often what is left is searched again, between which all are centred anew.

    Returns
    -------
    y, x, score
        Shape (n,): sub-pixel centres, and the z-score when all other particles are removed.
    """
    ys = np.empty(most)
    xs = np.empty(most)
    scores = np.empty(most)
    count = 0
    for turn in range(rounds):
        before = count
        for y, x in local_maxima(z, threshold, (2.0 if turn == 0 else 1.2) * min_distance):
            if count == most or not allowed[y, x]:
                continue
            free = True
            for n in range(count):
                if (ys[n] - y) ** 2 + (xs[n] - x) ** 2 < min_distance * min_distance:
                    free = False
                    break
            if free:
                ys[count], xs[count], scores[count] = refine_peak(z, y, x)
                add_radial(z, ys[count], xs[count], -scores[count], profile, step)
                count += 1
        if count == before and turn > 0:
            break
        for _ in range(1):
            for n in range(count):
                add_radial(z, ys[n], xs[n], scores[n], profile, step)
                y, x = _climb(z, round(ys[n]), round(xs[n]), 2)
                ys[n], xs[n], scores[n] = refine_peak(z, y, x)
                scores[n] = max(scores[n], 0.0)
                add_radial(z, ys[n], xs[n], -scores[n], profile, step)
    return ys[:count], xs[:count], scores[:count]


@numba.njit(nogil=True, cache=True)
def score_in_place(
    z: NDArray[np.float32],
    y: NDArray[np.float64],
    x: NDArray[np.float64],
    profile: NDArray[np.float32],
    step: float,
    sweeps: int,
) -> NDArray[np.float64]:  # pragma: no cover - compiled
    """Scores of particles at given places, each with all others removed; shape (n,), not negative.

    ``z`` is read between its pixels by bilinear interpolation.
    """
    height, width = z.shape
    count = y.size
    own = np.zeros(count)
    for n in range(count):
        j, i = min(max(int(y[n]), 0), height - 2), min(max(int(x[n]), 0), width - 2)
        v, u = y[n] - j, x[n] - i
        own[n] = (1.0 - v) * ((1.0 - u) * z[j, i] + u * z[j, i + 1])
        own[n] += v * ((1.0 - u) * z[j + 1, i] + u * z[j + 1, i + 1])
    score = np.maximum(own, 0.0)
    reach = (profile.size - 2) * step
    for _ in range(sweeps):
        for n in range(count):
            value = own[n]
            for m in range(count):
                if m != n:
                    r = np.sqrt((y[m] - y[n]) ** 2 + (x[m] - x[n]) ** 2)
                    if r < reach:
                        k = int(r / step)
                        f = r / step - k
                        value -= score[m] * (profile[k] * (1.0 - f) + profile[k + 1] * f)
            score[n] = max(value, 0.0)
    return score


@numba.njit(nogil=True, cache=True)
def median_size(z: NDArray[np.float32], chosen: NDArray[np.bool_]) -> float:  # pragma: no cover - compiled
    """Median of |z| (finite) over the chosen pixels, by counting; 0 where there are none."""
    bits = np.abs(z).reshape(-1).view(np.uint32)
    flags = chosen.reshape(-1)
    # The bits of positive numbers are in the order of the numbers.
    coarse = np.zeros(1 << 16, np.int64)
    for n in range(bits.size):
        coarse[bits[n] >> np.uint32(16)] += flags[n]
    count = coarse.sum()
    if count == 0:
        return 0.0
    total = 0.0
    for place in ((count - 1) // 2, count // 2):
        bin_number = 0
        while coarse[bin_number] <= place:
            place -= coarse[bin_number]
            bin_number += 1
        fine = np.zeros(1 << 16, np.int64)
        for n in range(bits.size):
            if bits[n] >> np.uint32(16) == bin_number:
                fine[bits[n] & np.uint32(0xFFFF)] += flags[n]
        low = 0
        while fine[low] <= place:
            place -= fine[low]
            low += 1
        value = np.array([(bin_number << 16) | low], np.uint32).view(np.float32)[0]
        total += np.float64(value)
    return 0.5 * total
