"""Exhaustive search for the rings: where the refinement starts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numba
import numpy as np

from frazil.compute.ctf.polar import SECTORS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.ctf.polar import PolarGrid
    from frazil.model.optics import Optics

ENVELOPE_FALL_PER_A = (0.045, 0.09, 0.25)
"""Decay constants of the modulation exp(-(k/fall)²/2) that are tried: nobody knows it beforehand."""
_PEAKS_PER_ENVELOPE = 5


@dataclass(frozen=True)
class SearchRange:
    """What is looked through; lengths in Å, phases in radian.

    ``fixed_astigmatism`` is (½ ΔA cos 2α, ½ ΔA sin 2α) where it is known.
    """

    defocus_min_a: float
    defocus_max_a: float
    defocus_step_a: float
    astigmatism_max_a: float
    phases_rad: tuple[float, ...] = (0.0,)
    fixed_astigmatism: tuple[float, float] | None = None


@dataclass(frozen=True)
class Candidate:
    """One maximum of the search: lens as in `whittle.LENS`, gain in nats at unit ``terms``, envelope."""

    lens: NDArray[np.float64]
    gain: float
    depth: NDArray[np.float64]


@dataclass(frozen=True)
class _Templates:
    """Expected rings of every defocus, orthogonal to smooth backgrounds and of unit norm.

    ``curves`` has shape (defoci, rings), ``norm`` and ``defoci`` (defoci,).
    """

    curves: NDArray[np.float32]
    norm: NDArray[np.float64]
    defoci: NDArray[np.float64]
    phase_rad: float
    envelope: NDArray[np.float64]


@lru_cache(maxsize=8)
def _templates(grid: PolarGrid, optics: Optics, span: SearchRange, from_per_a: float) -> list[_Templates]:
    """All templates for one geometry (cached: they cost 30 ms)."""
    step = span.defocus_step_a
    reach = _reach(span)
    first = math.floor(span.defocus_min_a / step) - reach
    last = math.ceil(span.defocus_max_a / step) + reach
    defoci = step * np.arange(first, last + 1, dtype=np.float64)
    k2 = grid.k**2
    wavelength = optics.wavelength_a
    spherical = -math.pi * wavelength**3 * optics.cs_a * k2 * k2
    bent = (2.0 * math.pi * wavelength) * np.outer(defoci, k2) + spherical
    weight = grid.ring_count * (grid.k >= from_per_a)
    basis = grid.background_basis
    projector = np.linalg.solve((basis.T * weight) @ basis + 1e-3 * np.eye(basis.shape[1]), basis.T * weight)
    result = []
    for phase in span.phases_rad:
        plain = -np.cos(bent + 2.0 * (phase + math.asin(optics.amplitude_contrast)))
        for fall in ENVELOPE_FALL_PER_A:
            envelope = np.exp(-0.5 * (grid.k / fall) ** 2)
            curves = plain * envelope
            curves -= (curves @ projector.T) @ basis.T
            norm = np.asarray(np.maximum((curves**2) @ weight, 1e-12), dtype=np.float64)
            curves *= (grid.k >= from_per_a) / np.sqrt(norm)[:, None]
            result.append(_Templates(curves.astype(np.float32), norm, defoci, phase, envelope))
    return result


def _reach(span: SearchRange) -> int:
    """Give the steps by which astigmatism may move a sector's defocus."""
    largest = 0.5 * span.astigmatism_max_a
    if span.fixed_astigmatism is not None:
        largest = math.hypot(*span.fixed_astigmatism)
    return math.ceil(largest / span.defocus_step_a) + 1


@numba.njit(cache=True, nogil=True, fastmath=True)
def _correlate(data: NDArray[np.float32], curves: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return data @ curves.T; too small for BLAS's threads, which would wait for each other."""
    out = np.empty((data.shape[0], curves.shape[0]), dtype=np.float32)
    for d in range(curves.shape[0]):
        for s in range(data.shape[0]):
            total = np.float32(0.0)
            for r in range(data.shape[1]):
                total += data[s, r] * curves[d, r]
            out[s, d] = total
    return out


@numba.njit(cache=True, nogil=True, fastmath=True)
def _scan(
    correlation: NDArray[np.float32],
    shifts: NDArray[np.int64],
    reach: int,
    best: NDArray[np.float32],
    best_at: NDArray[np.int64],
) -> None:
    """Best Σ over sectors of correlation[sector, Δf(sector)] per mean defocus, over the astigmatisms."""
    count = len(best)
    total = np.empty(count, dtype=np.float32)
    for index in range(shifts.shape[0]):
        total[:] = 0.0
        for s in range(correlation.shape[0]):
            row = correlation[s, reach + shifts[index, s] : reach + shifts[index, s] + count]
            for d in range(count):
                total[d] += row[d]
        for d in range(count):
            if total[d] > best[d]:
                best[d] = total[d]
                best_at[d] = index


def find_candidates(
    grid: PolarGrid,
    residual: NDArray[np.float64],
    optics: Optics,
    span: SearchRange,
    *,
    from_per_a: float = 0.0,
    count: int = 4,
) -> list[Candidate]:
    """Best maxima of the matched filter, best first.

    Parameters
    ----------
    grid
        Polar cells.
    residual
        P/μ - 1 per cell against a smooth background.
    optics, span
        Microscope and range.
    from_per_a
        Lower frequencies are not looked at, 1/Å.
    count
        At most so many.
    """
    cell = grid.sector * grid.rings + grid.ring_of_cell
    data = np.bincount(cell, weights=grid.count * residual, minlength=SECTORS * grid.rings)
    data32 = data.reshape(SECTORS, grid.rings).astype(np.float32)
    bend_a, bend_b = _astigmatism_grid(span)
    angle = (np.arange(SECTORS) + 0.5) * np.pi / SECTORS - 0.5 * np.pi
    bends = np.outer(bend_a, np.cos(2.0 * angle)) + np.outer(bend_b, np.sin(2.0 * angle))
    reach = _reach(span)
    shifts = np.clip(np.rint(bends / span.defocus_step_a).astype(np.int64), -reach, reach)
    found: list[tuple[float, int, int, int]] = []
    table = _templates(grid, optics, span, from_per_a)
    for number, templates in enumerate(table):
        correlation = _correlate(data32, templates.curves)
        best = np.full(len(templates.defoci) - 2 * reach, -1.0, dtype=np.float32)
        best_at = np.zeros(len(best), dtype=np.int64)
        _scan(correlation, shifts, reach, best, best_at)
        found += [(float(best[peak]), number, int(peak), int(best_at[peak])) for peak in _peaks(best)]
    found.sort(reverse=True)
    chosen: list[Candidate] = []
    for value, number, peak, bend in found:
        templates = table[number]
        defocus = float(templates.defoci[peak + reach])
        lens = np.array([defocus, bend_a[bend], bend_b[bend], templates.phase_rad, 0.0, 0.0])
        if any(_alike(lens, other.lens) for other in chosen):
            continue
        amplitude = value / math.sqrt(float(templates.norm[peak + reach]))
        chosen.append(Candidate(lens=lens, gain=0.5 * value**2, depth=amplitude * templates.envelope))
        if len(chosen) == count:
            break
    return chosen


def _astigmatism_grid(span: SearchRange) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (½ ΔA cos 2α, ½ ΔA sin 2α) on a square lattice inside the disc of ½ maximum."""
    if span.fixed_astigmatism is not None:
        return np.array([span.fixed_astigmatism[0]]), np.array([span.fixed_astigmatism[1]])
    radius = 0.5 * span.astigmatism_max_a
    spacing = max(1.4 * span.defocus_step_a, radius / 10.0, 1.0)
    reach = int(radius // spacing)
    steps = spacing * np.arange(-reach, reach + 1)
    a, b = np.meshgrid(steps, steps)
    inside = np.hypot(a, b) <= radius + 1e-6
    return a[inside], b[inside]


def _peaks(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Positions of the highest local maxima."""
    padded = np.concatenate([[-np.inf], values, [-np.inf]])
    is_peak = (padded[1:-1] >= padded[:-2]) & (padded[1:-1] > padded[2:]) & (values > 0.0)
    at = np.flatnonzero(is_peak)
    return np.asarray(at[np.argsort(values[at])[::-1][:_PEAKS_PER_ENVELOPE]], dtype=np.int64)


def _alike(lens: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return bool(np.all(np.abs(lens[:3] - other[:3]) < 350.0) and abs(lens[3] - other[3]) < 0.3)
