"""Maximum-likelihood fit of the CTF to power spectra (Whittle: periodograms are Gamma distributed).

The expected power in a cell is μ = exp β(k) · (1 - m(k) V(k) cos 2χ): a smooth background β, a smooth
depth of modulation 0 < m < 1, both splines fitted with the lens so that neither biases it, and the ice
thickness's V = sinc(π λ k² t). Rings whose mean strays from the model by more than counting statistics
allow (form factor of the particles, ice) get a random effect of variance τ², which takes their weight for
the mean defocus but not for the astigmatism.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.ctf.polar import PolarGrid
    from frazil.model.optics import Optics

LENS = 6
"""Mean defocus, ½ ΔA cos 2α, ½ ΔA sin 2α (all Å), phase shift (rad), thickness (Å), height step (Å).

Low rings come from the particles, high ones from the ice as well, whose mean height may differ: the height
step lets the defocus change by q (k² / k_ref² - 1) with the frequency. The defocus is that of the rings at
k_ref = 1/5 1/Å.
"""
HEIGHT_STEP_SIGMA_A = 30.0
PIVOT_PER_A = 0.2
MODULATION_MAX = 0.98
_TERMS = 2 + LENS


@dataclass(frozen=True)
class Noise:
    """How far the spectrum scatters: ``terms`` spectra averaged per pixel; ``ring_variance`` per ring."""

    terms: float
    ring_variance: NDArray[np.float64]


@dataclass(frozen=True)
class WhittleFit:
    """State of a fit: lens, spline coefficients, and how well they explain the spectrum."""

    lens: NDArray[np.float64]
    """Shape (6,): see `LENS`."""
    background: NDArray[np.float64]
    modulation: NDArray[np.float64]
    log_likelihood: float = -math.inf
    """Penalised, in nats; only differences on the same data and noise mean something."""
    lens_covariance: NDArray[np.float64] | None = None


@numba.njit(cache=True, nogil=True, fastmath=True)
def _moments(
    power: NDArray[np.float64],
    count: NDArray[np.float64],
    k2: NDArray[np.float64],
    k4: NDArray[np.float64],
    k2_cos: NDArray[np.float64],
    k2_sin: NDArray[np.float64],
    ring_start: NDArray[np.int64],
    beta: NDArray[np.float64],
    eta: NDArray[np.float64],
    lens: NDArray[np.float64],
    constants: NDArray[np.float64],
    gradient: NDArray[np.float64],
    curvature: NDArray[np.float64],
    likelihood: NDArray[np.float64],
) -> None:
    """Per ring: Σ n r v (rings, 8), Σ n v vᵀ (rings, 8, 8) and Σ n (-ln μ - P/μ), r = P/μ - 1, v = ∂ ln μ."""
    pi_lambda, half_l2_cs, phase0 = constants[0], constants[1], constants[2]
    v = np.empty(8)
    for j in range(len(ring_start) - 1):
        modulation = 0.98 / (1.0 + math.exp(-eta[j]))
        d_modulation = modulation * (1.0 - modulation / 0.98)
        background = math.exp(beta[j])
        gradient[j] = 0.0
        curvature[j] = 0.0
        total = 0.0
        for c in range(ring_start[j], ring_start[j + 1]):
            lever = k4[c] * constants[3] - k2[c]
            defocus_k2 = lens[0] * k2[c] + lens[1] * k2_cos[c] + lens[2] * k2_sin[c] + lens[5] * lever
            twice_chi = 2.0 * (pi_lambda * (defocus_k2 - half_l2_cs * k4[c]) + phase0 + lens[3])
            cosine = math.cos(twice_chi)
            sine = math.sin(twice_chi)
            thick = pi_lambda * k2[c] * lens[4]
            visible = 1.0
            d_visible = 0.0
            if thick > 1e-4:
                visible = math.sin(thick) / thick
                d_visible = (math.cos(thick) - visible) / lens[4]
            relative = 1.0 - modulation * visible * cosine
            ratio = power[c] / (background * relative)
            total -= count[c] * (beta[j] + math.log(relative) + ratio)
            slope = 2.0 * modulation * visible * sine / relative
            v[0] = 1.0
            v[1] = -d_modulation * visible * cosine / relative
            v[2] = slope * pi_lambda * k2[c]
            v[3] = slope * pi_lambda * k2_cos[c]
            v[4] = slope * pi_lambda * k2_sin[c]
            v[5] = slope
            v[6] = -modulation * d_visible * cosine / relative
            v[7] = slope * pi_lambda * lever
            residual = count[c] * (ratio - 1.0)
            for a in range(8):
                gradient[j, a] += residual * v[a]
                weighted = count[c] * v[a]
                for b in range(a + 1):
                    curvature[j, a, b] += weighted * v[b]
        likelihood[j] = total
        for a in range(8):
            for b in range(a):
                curvature[j, b, a] = curvature[j, a, b]


class WhittleModel:
    """Spectrum and optics of one fit; its methods return new `WhittleFit` states."""

    def __init__(self, grid: PolarGrid, power: NDArray[np.float64], optics: Optics) -> None:
        self.grid = grid
        self.power = power
        wavelength = optics.wavelength_a
        phase0 = math.asin(optics.amplitude_contrast)
        self.constants = np.array(
            [math.pi * wavelength, 0.5 * wavelength**2 * optics.cs_a, phase0, PIVOT_PER_A**-2],
            dtype=np.float64,
        )
        rings = grid.rings
        self._gradient = np.empty((rings, _TERMS))
        self._curvature = np.empty((rings, _TERMS, _TERMS))
        self._likelihood = np.empty(rings)
        nb, nm = grid.background_basis.shape[1], grid.modulation_basis.shape[1]
        self._penalty, self._prior_mean = _smoothness_prior(grid, nb, nm)
        self._split = (nb, nb + nm)

    def ring_residuals(self, fit: WhittleFit) -> NDArray[np.float64]:
        """Mean of P/μ - 1 per ring."""
        self._evaluate(fit)
        return np.asarray(self._gradient[:, 0] / self._curvature[:, 0, 0], dtype=np.float64)

    def expected(self, fit: WhittleFit) -> NDArray[np.float64]:
        """μ of every cell."""
        grid = self.grid
        ring = grid.ring_of_cell
        modulation = self.modulation(fit)[ring]
        thick = self.constants[0] * grid.k2 * fit.lens[4]
        visible = np.sinc(thick / np.pi)
        background = np.exp(grid.background_basis @ fit.background)[ring]
        return np.asarray(background * (1.0 - modulation * visible * np.cos(2.0 * self.phase(fit.lens))))

    def modulation(self, fit: WhittleFit) -> NDArray[np.float64]:
        """Depth of modulation m per ring."""
        eta = self.grid.modulation_basis @ fit.modulation
        return np.asarray(MODULATION_MAX / (1.0 + np.exp(-eta)), dtype=np.float64)

    def phase(self, lens: NDArray[np.float64]) -> NDArray[np.float64]:
        """χ of every cell, rad."""
        grid = self.grid
        defocus_k2 = lens[0] * grid.k2 + lens[1] * grid.k2_cos + lens[2] * grid.k2_sin
        defocus_k2 = defocus_k2 + lens[5] * (grid.k4 * self.constants[3] - grid.k2)
        chi = self.constants[0] * (defocus_k2 - self.constants[1] * grid.k4) + self.constants[2] + lens[3]
        return np.asarray(chi, dtype=np.float64)

    def climb(
        self,
        fit: WhittleFit,
        noise: Noise,
        free_lens: NDArray[np.bool_],
        *,
        steps: int,
        fit_modulation: bool = True,
        tolerance: float = 0.01,
    ) -> WhittleFit:
        """Gauss-Newton with Levenberg damping until the likelihood gains less than ``tolerance`` nats."""
        nb, nm = self._split
        free = np.ones(nm + LENS, dtype=bool)
        free[nb:nm] = fit_modulation
        free[nm:] = free_lens
        parameters = np.concatenate([fit.background, fit.modulation, fit.lens])
        value, gradient, information = self._penalised(parameters, noise)
        damping = 1e-3
        for _ in range(steps):
            scaled = information[np.ix_(free, free)].copy()
            scaled[np.diag_indices_from(scaled)] *= 1.0 + damping
            step = np.linalg.solve(scaled, gradient[free])
            trial = parameters.copy()
            trial[free] += step * _step_limit(step, free, nm)
            trial[nm + 4] = max(trial[nm + 4], 0.0)
            new_value, new_gradient, new_information = self._penalised(trial, noise)
            if not new_value > value:
                damping = max(damping, 1e-2) * 10.0
                if damping > 1e5:
                    break
                continue
            gained = new_value - value
            parameters, value, gradient, information = trial, new_value, new_gradient, new_information
            damping *= 0.1
            if gained < tolerance:
                break
        covariance = np.zeros((LENS, LENS))
        if free_lens.any():
            inverse = np.linalg.inv(information[np.ix_(free, free)])
            rows = np.flatnonzero(free_lens)
            count = len(rows)
            covariance[np.ix_(rows, rows)] = inverse[-count:, -count:]
        return WhittleFit(parameters[nm:], parameters[:nb], parameters[nb:nm], value, covariance)

    def without_rings(self, noise: Noise) -> WhittleFit:
        """Background alone: modulation zero."""
        nb, nm = self._split
        background = self.smooth_log(self.grid.ring_mean(self.power))
        none = np.full(nm - nb, -40.0)
        flat = WhittleFit(np.zeros(LENS), background, none)
        flat = self.climb(flat, noise, np.zeros(LENS, dtype=bool), steps=6, fit_modulation=False)
        # No modulation is no unlikely modulation.
        off = none - self._prior_mean[nb:]
        return replace(
            flat, log_likelihood=flat.log_likelihood + 0.5 * float(off @ self._penalty[nb:, nb:] @ off)
        )

    def smooth_log(self, ring_power: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coefficients of the background spline through the logarithm of a power per ring."""
        basis = self.grid.background_basis
        weight = self.grid.ring_count[:, None] * basis
        normal = basis.T @ weight + 1e-6 * np.eye(basis.shape[1])
        return _solve(normal, weight.T @ np.log(np.maximum(ring_power, 1e-30)))

    def with_modulation(self, fit: WhittleFit, depth: NDArray[np.float64]) -> WhittleFit:
        """Set the depth of modulation per ring (0 to 1) to start from."""
        depth = np.clip(depth, 0.002, 0.9)
        eta = np.log(depth / (MODULATION_MAX - depth))
        basis = self.grid.modulation_basis
        normal = basis.T @ basis + 1e-3 * np.eye(basis.shape[1])
        return replace(fit, modulation=_solve(normal, basis.T @ eta))

    def _evaluate(self, fit: WhittleFit) -> None:
        grid = self.grid
        _moments(
            self.power,
            grid.count,
            grid.k2,
            grid.k4,
            grid.k2_cos,
            grid.k2_sin,
            grid.ring_start,
            grid.background_basis @ fit.background,
            grid.modulation_basis @ fit.modulation,
            fit.lens,
            self.constants,
            self._gradient,
            self._curvature,
            self._likelihood,
        )

    def _penalised(
        self, parameters: NDArray[np.float64], noise: Noise
    ) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        """Log likelihood with priors, its gradient and information matrix over all parameters."""
        nb, nm = self._split
        self._evaluate(WhittleFit(parameters[nm:], parameters[:nb], parameters[nb:nm]))
        gradient, curvature = self._gradient, self._curvature
        pixels = curvature[:, 0, 0]
        # A ring's mean counts with 1/(1/(M N) + τ²) in place of M N.
        spread = noise.terms * noise.ring_variance
        taken = spread / (1.0 + spread * pixels)
        mean_residual = gradient[:, 0]
        value = float(np.sum(self._likelihood) + 0.5 * np.sum(taken * mean_residual**2)) * noise.terms
        ring_direction = curvature[:, :, 0]
        ring_gradient = gradient - (taken * mean_residual)[:, None] * ring_direction
        ring_information = curvature - (taken[:, None] * ring_direction)[:, :, None] * ring_direction[:, None]
        total_gradient, total_information = self._project(ring_gradient, ring_information)
        total_gradient *= noise.terms
        total_information *= noise.terms
        smooth = parameters[:nm] - self._prior_mean
        pull = self._penalty @ smooth
        total_gradient[:nm] -= pull
        total_information[:nm, :nm] += self._penalty
        value -= 0.5 * float(smooth @ pull)
        step = parameters[nm + 5]
        value -= 0.5 * (step / HEIGHT_STEP_SIGMA_A) ** 2
        total_gradient[nm + 5] -= step / HEIGHT_STEP_SIGMA_A**2
        total_information[nm + 5, nm + 5] += HEIGHT_STEP_SIGMA_A**-2
        total_information[np.diag_indices_from(total_information)] += 1e-12
        return value, total_gradient, total_information

    def _project(
        self, gradient: NDArray[np.float64], information: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """From values per ring to the splines' coefficients and the lens."""
        nb, nm = self._split
        slope, depth = self.grid.background_basis, self.grid.modulation_basis
        total = np.concatenate(
            [slope.T @ gradient[:, 0], depth.T @ gradient[:, 1], gradient[:, 2:].sum(axis=0)]
        )
        matrix = np.empty((len(total), len(total)))
        matrix[:nb, :nb] = slope.T @ (information[:, 0, 0, None] * slope)
        matrix[:nb, nb:nm] = slope.T @ (information[:, 0, 1, None] * depth)
        matrix[nb:nm, nb:nm] = depth.T @ (information[:, 1, 1, None] * depth)
        matrix[:nb, nm:] = slope.T @ information[:, 0, 2:]
        matrix[nb:nm, nm:] = depth.T @ information[:, 1, 2:]
        matrix[nm:, nm:] = information[:, 2:, 2:].sum(axis=0)
        matrix[nb:nm, :nb] = matrix[:nb, nb:nm].T
        matrix[nm:, :nm] = matrix[:nm, nm:].T
        return total, matrix


def _solve(matrix: NDArray[np.float64], vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.solve(matrix, vector), dtype=np.float64)


def _step_limit(step: NDArray[np.float64], free: NDArray[np.bool_], lens_at: int) -> float:
    """Shorten steps that would jump over a ring (400 Å, 0.5 rad) or leave a spline's linear range."""
    limits = np.full(len(free), 2.0)
    limits[lens_at:] = [400.0, 400.0, 400.0, 0.5, 300.0, 100.0]
    return float(min(1.0, np.min(limits[free] / np.maximum(np.abs(step), 1e-12))))


def _smoothness_prior(grid: PolarGrid, nb: int, nm: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision matrix and mean of the spline coefficients.

    Second differences of ln background have σ 0.05, more at the lowest frequencies where the particles'
    form factor falls steeply; those of the modulation's logit 0.4, its slope favours decay.
    """
    precision = np.zeros((nb + nm, nb + nm))
    mean = np.zeros(nb + nm)
    knots_k = np.linspace(grid.k[0], grid.k[-1], nb - 2)
    sigma = 0.05 + 0.45 * np.exp(-knots_k / 0.035)
    second = np.diff(np.eye(nb), 2, axis=0)
    precision[:nb, :nb] = second.T @ (second / sigma[:, None] ** 2) + 1e-8 * np.eye(nb)
    second = np.diff(np.eye(nm), 2, axis=0)
    first = np.diff(np.eye(nm), 1, axis=0)
    mean[nb:] = -2.0 - 0.35 * np.arange(nm)
    precision[nb:, nb:] = second.T @ second / 0.4**2 + first.T @ first / 1.5**2 + np.eye(nm) / 6.0**2
    return precision, mean
