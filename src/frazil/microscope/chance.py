"""Random fields and counts that depend on seeds only, fast enough for whole movies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@numba.njit(nogil=True, cache=True)
def _mix(state: np.uint64) -> np.uint64:
    """Scramble one word (splitmix64, Steele, Lea & Flood 2014)."""
    z = state + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@numba.njit(nogil=True, cache=True)
def _uniform(state: np.uint64, counter: int) -> float:
    """Return the ``counter``-th number in [0, 1) of a stream."""
    word = _mix(state + np.uint64(counter) * np.uint64(0x9E3779B97F4A7C15))
    return float(word >> np.uint64(11)) * 1.1102230246251565e-16


@numba.njit(nogil=True, cache=True)
def poisson_counts(
    rate: NDArray[np.float32],
    sensitivity: NDArray[np.float32],
    scale: float,
    seed: int,
    out: NDArray[np.uint8],
) -> None:
    """Draw Poisson counts of mean ``rate · sensitivity · scale`` into ``out``, 255 at most.

    Every pixel uses its own uniform number and inverts the distribution, so that exposures of one seed and
    slightly different rates carry almost the same noise.
    """
    for y in range(rate.shape[0]):
        state = _mix(np.uint64(seed) * np.uint64(0x2545F4914F6CDD1D) + np.uint64(y))
        for x in range(rate.shape[1]):
            mean = max(rate[y, x] * sensitivity[y, x] * scale, 0.0)
            u = _uniform(state, x)
            if mean > 60.0:
                # Box-Muller; at this mean the normal approximation is good to a part in a hundred.
                v = _uniform(state, x + rate.shape[1])
                normal = np.sqrt(-2.0 * np.log(1.0 - u)) * np.cos(2.0 * np.pi * v)
                out[y, x] = np.uint8(min(max(np.rint(mean + np.sqrt(mean) * normal), 0.0), 255.0))
                continue
            term = np.exp(-mean)
            total = term
            n = 0
            while u >= total and n < 255:
                n += 1
                term *= mean / n
                total += term
            out[y, x] = np.uint8(n)


@numba.njit(nogil=True, cache=True, fastmath=True)
def complex_normal(shape: tuple[int, int], seed: int) -> NDArray[np.complex64]:
    """Complex Gaussian numbers, E|z|² = 1: shape ``shape``."""
    out = np.empty(shape, np.complex64)
    for y in range(shape[0]):
        state = _mix(np.uint64(seed) * np.uint64(0x2545F4914F6CDD1D) + np.uint64(y))
        for x in range(shape[1]):
            radius = np.sqrt(-np.log(1.0 - _uniform(state, 2 * x)))
            angle = np.float32(2.0 * np.pi * _uniform(state, 2 * x + 1))
            out[y, x] = np.complex64(complex(radius * np.cos(angle), radius * np.sin(angle)))
    return out


def white_spectrum(height_px: int, width_px: int, seed: int) -> NDArray[np.complex64]:
    """Half Fourier transform of white noise of unit variance per pixel: shape (height, width // 2 + 1)."""
    half: NDArray[np.complex64] = complex_normal((height_px, width_px // 2 + 1), seed)
    half *= np.float32(np.sqrt(height_px * width_px))
    return half


def derived_seed(*parts: int) -> int:
    """Mix whole numbers into one seed below 2^62."""
    return int(np.random.SeedSequence([abs(int(p)) for p in parts]).generate_state(1, np.uint64)[0] >> 2)
