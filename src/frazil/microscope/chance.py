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
def _scramble(word: np.uint32) -> np.uint32:
    """Scramble 32 bits ("lowbias32", found by C. Wellons); vectorises, unlike 64-bit products."""
    word = np.uint32((word ^ (word >> np.uint32(16))) * np.uint32(0x7FEB352D))
    word = np.uint32((word ^ (word >> np.uint32(15))) * np.uint32(0x846CA68B))
    return np.uint32(word ^ (word >> np.uint32(16)))


@numba.njit(nogil=True, cache=True, fastmath=True)
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
    width = rate.shape[1]
    mean = np.empty(width, np.float32)
    none = np.empty(width, np.float32)
    uniform = np.empty(width, np.float32)
    factor = np.float32(scale)
    for y in range(rate.shape[0]):
        state = _mix(np.uint64(seed) * np.uint64(0x2545F4914F6CDD1D) + np.uint64(y))
        low, high = np.uint32(state & np.uint64(0xFFFFFFFF)), np.uint32(state >> np.uint64(32))
        for x in range(width):
            m = max(rate[y, x] * sensitivity[y, x] * factor, np.float32(0.0))
            mean[x] = m
            # exp(-m) as the 64th power of a short series: good to 1e-6 up to a mean of 16.
            t = -m * np.float32(0.015625)
            e = np.float32(1.0) + t * (
                np.float32(1.0)
                + t
                * (
                    np.float32(0.5)
                    + t
                    * (np.float32(0.16666667) + t * (np.float32(0.041666668) + t * np.float32(0.008333334)))
                )
            )
            e = e * e
            e = e * e
            e = e * e
            e = e * e
            e = e * e
            none[x] = e * e
            word = _scramble(_scramble(np.uint32(x) ^ low) ^ high)
            uniform[x] = np.float32(word >> np.uint32(8)) * np.float32(5.9604645e-08)
        for x in range(width):
            if mean[x] > 16.0:
                out[y, x] = _sum_of_parts(mean[x], state, x)
                continue
            u = uniform[x] + np.float32(2.9802322e-08)
            term = none[x]
            n = np.float32(0.0)
            # Below 1e-8 rounding has the say: the tail ends there.
            while u > term and term > np.float32(1e-8):
                u -= term
                n += np.float32(1.0)
                term *= mean[x] / n
            out[y, x] = np.uint8(n)


@numba.njit(nogil=True, cache=True)
def _sum_of_parts(mean: float, state: np.uint64, x: int) -> np.uint8:
    """Poisson number of a larger mean, as a sum of smaller ones."""
    parts = int(np.ceil(mean / 12.0))
    total = 0
    for p in range(parts):
        u = _uniform(state, x * 64 + p)
        term = np.exp(-mean / parts)
        n = 0
        while u > term and n < 100:
            u -= term
            n += 1
            term *= mean / parts / n
        total += n
    return np.uint8(min(total, 255))


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
