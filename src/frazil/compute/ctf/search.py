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
_GROUP = 2
_SEARCH_SECTORS = SECTORS // _GROUP


@dataclass(frozen=True)
class SearchRange:
    """What is looked through; lengths in Å, phases in radian."""

    defocus_min_a: float
    defocus_max_a: float
    defocus_step_a: float
    astigmatism_max_a: float
    phases_rad: tuple[float, ...] = (0.0,)


@dataclass(frozen=True)
class Candidate:
    """One maximum of the search: lens as in `whittle.LENS`, gain in nats at unit ``terms``, envelope."""

    lens: NDArray[np.float64]
    gain: float
    depth: NDArray[np.float64]


@lru_cache(maxsize=8)
def _templates(
    k_key: bytes, optics: Optics, span: tuple[float, float, float], phase_rad: float
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """-cos 2χ for each defocus, shape (defoci, rings), and the defoci."""
    k = np.frombuffer(k_key)
    defoci = np.arange(span[0], span[1] + span[2], span[2])
    wavelength = optics.wavelength_a
    k2 = k * k
    constant = -math.pi * wavelength**3 * optics.cs_a * k2 * k2 + 2.0 * (
        phase_rad + math.asin(optics.amplitude_contrast)
    )
    twice_chi = (2.0 * math.pi * wavelength) * np.outer(defoci, k2) + constant
    return -np.cos(twice_chi).astype(np.float32), defoci


@numba.njit(cache=True, nogil=True, fastmath=True)
def _scan(
    correlation: NDArray[np.float32],
    offset_a: NDArray[np.float32],
    offset_b: NDArray[np.float32],
    direction: NDArray[np.float32],
    step: float,
    first: int,
    last: int,
    best: NDArray[np.float32],
    best_at: NDArray[np.int64],
) -> None:
    """Best Σ over sectors of correlation[sector, Δf(sector)] per mean defocus, over the astigmatisms."""
    sectors, defoci = correlation.shape
    shift = np.empty(sectors, dtype=np.int64)
    for index in range(len(offset_a)):
        for s in range(sectors):
            bend = offset_a[index] * direction[0, s] + offset_b[index] * direction[1, s]
            shift[s] = math.floor(bend / step + 0.5)
        total = np.zeros(last - first, dtype=np.float32)
        for s in range(sectors):
            for d in range(first, last):
                at = min(max(d + shift[s], 0), defoci - 1)
                total[d - first] += correlation[s, at]
        for d in range(last - first):
            if total[d] > best[d]:
                best[d] = total[d]
                best_at[d] = index


def find_candidates(
    grid: PolarGrid,
    residual: NDArray[np.float64],
    ring_weight: NDArray[np.float64],
    optics: Optics,
    span: SearchRange,
    *,
    fixed_astigmatism: tuple[float, float] | None = None,
    count: int = 6,
) -> list[Candidate]:
    """Best maxima of the matched filter, best first.

    Parameters
    ----------
    grid
        Polar cells.
    residual
        P/μ - 1 per cell against a smooth background.
    ring_weight
        Weight of a ring against what its pixel count says, shape (rings,): 1 where only counting
        statistics disturb.
    optics, span
        Microscope and range.
    fixed_astigmatism
        (½ ΔA cos 2α, ½ ΔA sin 2α) in Å where it is known.
    count
        At most so many.
    """
    rings = grid.rings
    cell = (grid.sector // _GROUP) * rings + grid.ring_of_cell
    size = _SEARCH_SECTORS * rings
    weight = np.bincount(cell, weights=grid.count * ring_weight[grid.ring_of_cell], minlength=size)
    data = np.bincount(cell, weights=grid.count * ring_weight[grid.ring_of_cell] * residual, minlength=size)
    data = data.reshape(_SEARCH_SECTORS, rings)
    per_ring = weight.reshape(_SEARCH_SECTORS, rings).sum(axis=0)
    # The background has been fitted to the data; what it would take of a template is taken here.
    basis = grid.background_basis
    projector = np.linalg.solve(
        (basis.T * per_ring) @ basis + 1e-3 * np.eye(basis.shape[1]), basis.T * per_ring
    )
    angle = (np.arange(_SEARCH_SECTORS) + 0.5) * np.pi / _SEARCH_SECTORS - 0.5 * np.pi
    direction = np.stack([np.cos(2 * angle), np.sin(2 * angle)]).astype(np.float32)
    step = span.defocus_step_a
    margin = 0.5 * span.astigmatism_max_a
    wide = (max(span.defocus_min_a - margin, 0.0), span.defocus_max_a + margin, step)
    bends = _astigmatism_grid(span.astigmatism_max_a, step, fixed_astigmatism)
    found: list[tuple[float, float, float, int, float, int]] = []
    for phase in span.phases_rad:
        plain, defoci = _templates(np.ascontiguousarray(grid.k).tobytes(), optics, wide, phase)
        first = int(np.searchsorted(defoci, span.defocus_min_a - 0.5 * step))
        last = int(np.searchsorted(defoci, span.defocus_max_a + 0.5 * step))
        for number, fall in enumerate(ENVELOPE_FALL_PER_A):
            envelope = np.exp(-0.5 * (grid.k / fall) ** 2)
            template = plain * envelope.astype(np.float32)
            template = template - (template @ projector.T.astype(np.float32)) @ basis.T.astype(np.float32)
            norm = (template**2) @ per_ring.astype(np.float32)
            template = template / np.sqrt(np.maximum(norm, 1e-12))[:, None]
            correlation = data.astype(np.float32) @ template.T
            best = np.full(last - first, -1.0, dtype=np.float32)
            best_at = np.zeros(last - first, dtype=np.int64)
            _scan(correlation, bends[0], bends[1], direction, step, first, last, best, best_at)
            for peak in _peaks(best):
                bend = int(best_at[peak])
                amplitude = best[peak] / math.sqrt(max(float(norm[first + peak]), 1e-12))
                found.append(
                    (
                        float(best[peak]),
                        float(defoci[first + peak]),
                        phase,
                        number,
                        float(amplitude),
                        bend,
                    )
                )
    found.sort(reverse=True)
    chosen: list[Candidate] = []
    for value, defocus, phase, number, amplitude, bend in found:
        a, b = float(bends[0][bend]), float(bends[1][bend])
        lens = np.array([defocus, a, b, phase, 0.0, 0.0])
        if any(_alike(lens, other.lens) for other in chosen):
            continue
        depth = amplitude * np.exp(-0.5 * (grid.k / ENVELOPE_FALL_PER_A[number]) ** 2)
        chosen.append(Candidate(lens=lens, gain=0.5 * value**2, depth=depth))
        if len(chosen) == count:
            break
    return chosen


def _astigmatism_grid(
    maximum_a: float, step_a: float, fixed: tuple[float, float] | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Points (½ ΔA cos 2α, ½ ΔA sin 2α) on a square lattice inside the disc of ½ maximum."""
    if fixed is not None:
        return np.array([fixed[0]], dtype=np.float32), np.array([fixed[1]], dtype=np.float32)
    radius = 0.5 * maximum_a
    spacing = max(1.4 * step_a, radius / 10.0, 1.0)
    reach = int(radius // spacing)
    steps = spacing * np.arange(-reach, reach + 1)
    a, b = np.meshgrid(steps, steps)
    inside = np.hypot(a, b) <= radius + 1e-6
    return a[inside].astype(np.float32), b[inside].astype(np.float32)


def _peaks(values: NDArray[np.float32], most: int = 5) -> NDArray[np.int64]:
    """Positions of the highest local maxima."""
    padded = np.concatenate([[-np.inf], values, [-np.inf]])
    is_peak = (padded[1:-1] >= padded[:-2]) & (padded[1:-1] > padded[2:]) & (values > 0.0)
    at = np.flatnonzero(is_peak)
    return np.asarray(at[np.argsort(values[at])[::-1][:most]], dtype=np.int64)


def _alike(lens: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return bool(np.all(np.abs(lens[:3] - other[:3]) < 350.0) and abs(lens[3] - other[3]) < 0.3)
