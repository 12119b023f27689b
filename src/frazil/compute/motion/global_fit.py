"""Motion of the whole field: one shift per frame.

The frames are the same specimen ``O`` with strength ``a_f``, shifted, plus noise. Integrating ``O`` out, its
power ``τ²`` per ring being known, leaves the log-likelihood (Gaussian, in nats)

    L(u) = Σ_k w |S|²,   S = Σ_f a_f F_f exp(2πi k·u_f),   w = τ² / (1 + τ² Σ_f a_f²)

(half plane, noise of unit variance). It needs no reference: what a frame says to itself cancels in the
gradient. With the prior of `basis` the maximum is found by Fisher scoring; the curvature is known from ``τ²``
alone and never has the noise of one measured from the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.motion.basis import (
    TimePrior,
    displacement_covariance,
    log_evidence,
    square_root,
)
from frazil.compute.motion.spectra import Band, crop_values, ramps, signal_power

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_DRIFT_A = 80.0
SEARCH_A = 20.0
MIDDLE_A = 12.0
_SEARCH_SIZE = 25_000
_GROUP_DOSES = (4.0, 8.0)
_LOOSE_A = (4.0, 2.0, 1.0)


@dataclass
class Frames:
    """Coefficients of all frames times ``a_f``, and what is known of their signal.

    Attributes
    ----------
    values
        Shape (F, Ky, Kx) complex64: ``a_f F_f`` with noise of unit variance in ``F_f``, moved by `shift_a`.
    kept
        Shape (F, rings): ``a_f²``, what is left of the specimen's power in each frame.
    own_power
        Shape (rings,): ring mean of ``Σ_f |values|²`` (no shift changes it).
    shift_a
        Shape (F, 2): the shifts already applied to ``values``, Å.
    share
        Independent coefficients per coefficient: tapered edges and padding make neighbours alike.
    """

    band: Band
    values: torch.Tensor
    kept: NDArray[np.float64]
    own_power: NDArray[np.float64]
    shift_a: NDArray[np.float64]
    share: float = 1.0

    def move_to(self, shift_a: NDArray[np.float64]) -> None:
        """Apply ``exp(+2πi k·u)`` so that the frames are aligned for these shifts (F, 2)."""
        step = torch.as_tensor(shift_a - self.shift_a, dtype=torch.float32, device=self.values.device)
        along_y, along_x = ramps(self.band, step)
        for frame in torch.nonzero(step.abs().sum(1) > 0).ravel().tolist():
            self.values[frame] *= along_y[frame]
            self.values[frame] *= along_x[frame]
        self.shift_a = shift_a.copy()

    def crop(self, high_a: float) -> Frames:
        """Copy of the part below ``1 / high_a``."""
        band, half, width = self.band.crop(high_a)
        values = crop_values(self.values, half, width)
        rings = band.rings
        return Frames(
            band, values, self.kept[:, :rings], self.own_power[:rings], self.shift_a.copy(), self.share
        )

    def drop(self, lost: NDArray[np.int64]) -> None:
        """Forget what these frames show; the prior alone then says where they were."""
        for frame in lost.tolist():
            self.own_power -= self.band.ring_mean(self.values[frame].real ** 2 + self.values[frame].imag ** 2)
        self.values[torch.as_tensor(lost, device=self.values.device)] = 0
        self.kept = self.kept.copy()
        self.kept[lost] = 0.0

    def without_signal(self, signal: NDArray[np.float64]) -> NDArray[np.int64]:
        """Frames that clearly hold less than a fifth of the specimen that the others show.

        Each aligned frame is projected on the sum of the others, with the weights of the likelihood.
        """
        weight = ring_weight(signal, self.kept)
        total = self.values.sum(0)
        found = np.stack(
            [
                self.band.ring_mean(
                    total.real * frame.real + total.imag * frame.imag - frame.real**2 - frame.imag**2
                )
                for frame in self.values
            ]
        )
        others = self.kept.sum(0) - self.kept
        rings = self.share * self.band.count * weight
        expected = (self.kept * others * signal) @ rings
        noise = np.sqrt((self.kept * others * (1 + signal * others)) @ (rings * weight) / 2)
        share = (found @ rings) / np.maximum(expected, 1e-12)
        sure = share + 4 * noise / np.maximum(expected, 1e-12) < 0.6
        return np.nonzero((expected > 0) & (share < 0.2) & sure)[0]

    def estimate_signal(self) -> NDArray[np.float64]:
        """Power of the specimen per ring as the frames now agree."""
        total = self.values.sum(0)
        power = total.real**2 + total.imag**2
        return signal_power(self.band.ring_mean(power), self.own_power, self.kept, self.band.count)


def ring_weight(signal: NDArray[np.float64], kept: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weight of ``|S|²`` per ring: ``τ² / (1 + τ² Σ a_f²)``."""
    weight: NDArray[np.float64] = signal / (1 + signal * kept.sum(0))
    return weight


def fisher_information(
    band: Band, weight: NDArray[np.float64], signal: NDArray[np.float64], kept: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the expected curvature of L for shifts along one axis: shape (F, F), 1/Å².

    A weighted graph Laplacian: a common shift of all frames costs nothing.
    """
    per_ring = 2 * band.count * 0.5 * (2 * np.pi * band.ring_k) ** 2 * weight * signal
    diagonal = (per_ring * kept * kept.sum(0)).sum(1)
    return np.asarray(np.diag(diagonal) - (kept * per_ring) @ kept.T, dtype=np.float64)


def log_likelihood_and_gradient(
    frames: Frames, weight: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """L in nats (up to what no shift changes) and its gradient (F, 2) with respect to the shifts, 1/Å."""
    band = frames.band
    spread = band.spread(weight)
    total = frames.values.sum(0)
    weighted = total * spread
    value = float((weighted.real * total.real + weighted.imag * total.imag).sum(dtype=torch.float64))
    flat = frames.values.reshape(frames.values.shape[0], -1)
    sides = torch.stack(
        [(weighted * band.kx[None, :]).conj().ravel(), (weighted * band.ky[:, None]).conj().ravel()], dim=1
    )
    gradient = -4 * torch.pi * (flat @ sides).imag.double().cpu().numpy()
    return frames.share * value, frames.share * gradient


@dataclass(frozen=True)
class GlobalFit:
    """What a fit found.

    Attributes
    ----------
    shift_a
        Shape (F, 2): shifts about a mean of zero, Å.
    covariance_a2
        Shape (F, F): their posterior covariance along either axis, Å².
    signal
        Shape (rings,): power of the specimen, in units of the noise of one frame.
    prior
        The likeliest kind of motion.
    log_posterior
        Of these shifts, up to what no shift changes; compares results from different starts, nats.
    """

    shift_a: NDArray[np.float64]
    covariance_a2: NDArray[np.float64]
    signal: NDArray[np.float64]
    prior: TimePrior
    log_posterior: float


_WIDE = TimePrior(5.0, 0.5, 4.0, 1.0)
_JITTER = ((0.03, 0.0), (0.1, 0.0), (0.25, -2.0), (0.6, -5.0))
_KINDS = ((5.0, 0.5, 2.5), (5.0, 0.5, 5.0), (1.5, 0.15, 2.5), (1.5, 0.15, 5.0))
_MEMORY = ((0.7, -1.0), (2.0, 0.0))


@dataclass(frozen=True)
class Candidate:
    """A prior the data may choose: its square root (F, r) and what it is worth beforehand, nats."""

    prior: TimePrior
    root: NDArray[np.float64]
    log_prior: float


def candidate_priors(dose_start: NDArray[np.float64], dose_end: NDArray[np.float64]) -> list[Candidate]:
    """Kinds of global motion: fast or slow, short or long burst, winding or straight, steady or shaken."""
    found = []
    for early, late, decay in _KINDS:
        for memory, worth in _MEMORY:
            smooth = displacement_covariance(dose_start, dose_end, TimePrior(early, late, decay, memory))
            for jitter, shaken in _JITTER:
                prior = TimePrior(early, late, decay, memory, jitter)
                root = square_root(smooth + jitter**2 * np.eye(dose_start.size))
                found.append(Candidate(prior, root, worth + shaken))
    return found


def fit_global(
    frames: Frames,
    dose_start: NDArray[np.float64],
    dose_end: NDArray[np.float64],
    *,
    steps: int = 12,
    tolerance_a: float = 0.02,
) -> GlobalFit:
    """Most probable shifts by Fisher scoring from coarse to fine; ``frames`` is left aligned.

    At the coarsest resolution several starts compete (none, and `first_guess` from small and large groups of
    frames). The resolution is then raised in steps; at each the signal is measured again and the candidate
    priors are averaged by their evidence.
    """
    candidates = candidate_priors(dose_start, dose_end)
    top = float(frames.band.ring_k[-1])
    area_a2 = 1 / float((frames.band.ky[1] - frames.band.ky[0]) * (frames.band.kx[1] - frames.band.kx[0]))
    # A large field says enough at low resolution; the search then costs the same whatever its size.
    coarse = frames.crop(min(max(SEARCH_A, np.sqrt(0.5 * np.pi * area_a2 / _SEARCH_SIZE)), 40.0))
    motion = displacement_covariance(dose_start, dose_end, _WIDE)
    guesses = [first_guess(coarse, dose_end, group_dose, motion) for group_dose in _GROUP_DOSES]
    found: list[tuple[float, int, NDArray[np.float64]]] = []
    for start in (np.zeros_like(frames.shift_a), *guesses):
        coarse.move_to(start)
        fit = _fit_level(coarse, candidates, steps=steps, tolerance_a=tolerance_a)
        found.append((fit.log_posterior, len(found), fit.shift_a))
    frames.move_to(max(found)[2])
    if 1 / MIDDLE_A < 0.8 * top:
        middle = frames.crop(MIDDLE_A)
        frames.move_to(_fit_level(middle, candidates, steps=steps, tolerance_a=tolerance_a).shift_a)
    return _fit_level(frames, candidates, steps=steps, tolerance_a=tolerance_a)


def refine_global(
    frames: Frames, dose_start: NDArray[np.float64], dose_end: NDArray[np.float64]
) -> GlobalFit:
    """Most probable shifts near those that ``frames`` has, at its full resolution."""
    return _fit_level(frames, candidate_priors(dose_start, dose_end), steps=8, tolerance_a=0.02)


def _fit_level(frames: Frames, candidates: list[Candidate], *, steps: int, tolerance_a: float) -> GlobalFit:
    shift = frames.shift_a.copy()
    for step in range(steps):
        if step < 4:
            signal = frames.estimate_signal()
            weight = ring_weight(signal, frames.kept)
            information = frames.share * fisher_information(frames.band, weight, signal, frames.kept)
        _, gradient = log_likelihood_and_gradient(frames, weight)
        score = gradient + information @ shift
        if step < 4:
            worth = np.array([c.log_prior + log_evidence(c.root, information, score) for c in candidates])
            share = np.exp(worth - worth.max())
            share /= share.sum()
        target = np.zeros_like(shift)
        covariance = np.zeros_like(information)
        for part, candidate in zip(share, candidates, strict=True):
            if part > 1e-3:
                root = candidate.root
                inner = np.linalg.inv(root.T @ information @ root + np.eye(root.shape[1]))
                here = root @ inner @ root.T
                target += part * (here @ score)
                covariance += part * here
        target /= share[share > 1e-3].sum()
        target -= target.mean(0)
        change = float(np.sqrt(((target - shift) ** 2).sum(1).mean()))
        shift = target
        frames.move_to(shift)
        if change < tolerance_a:
            break
    best = candidates[int(np.argmax(worth))]
    inner = best.root.T @ information @ best.root + np.eye(best.root.shape[1])
    unknown = np.linalg.solve(inner, best.root.T @ score)
    value, _ = log_likelihood_and_gradient(frames, weight)
    return GlobalFit(shift, covariance, signal, best.prior, value - 0.5 * float((unknown**2).sum()))


def first_guess(
    coarse: Frames,
    dose_end: NDArray[np.float64],
    group_dose: float,
    motion: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Rough shifts (F, 2) in Å by cross-correlation, from the calm end of the exposure to its start.

    Frames are first taken in groups of about ``group_dose``, single where motion is fast; each is found in
    the sum of what has been aligned already, within `MAX_DRIFT_A` of it. Then every frame is sought alone,
    where the others and the covariance ``motion`` (F, F) of the prior lead to expect it.
    """
    count = coarse.values.shape[0]
    coarse.move_to(np.zeros((count, 2)))
    groups = _groups(dose_end, group_dose)
    late = coarse.values[count // 2 :]
    signal = _neighbour_signal(coarse, late)
    weight = coarse.band.spread(ring_weight(signal, coarse.kept))
    shift = np.zeros((count, 2))
    total = coarse.values[groups[-1]].sum(0)
    known = list(groups[-1])
    for members in reversed(groups[:-1]):
        expected, width = _expected(motion, members, known, shift, _LOOSE_A[0])
        shift[members] = find_shift(
            coarse.band, total, coarse.values[members].sum(0), weight, expected, width
        )
        coarse.move_to(shift)
        total = total + coarse.values[members].sum(0)
        known += members
    for loose in _LOOSE_A:
        # What the other frames lead to expect of one: conditional mean and variance of a Gaussian process.
        precision = np.linalg.inv(motion + loose**2 * np.eye(count) + MAX_DRIFT_A**2)
        own = np.diag(precision)
        total = coarse.values.sum(0)
        for frame in range(count):
            others = total - coarse.values[frame]
            expected = -(precision[frame] @ (shift - shift.mean(0))) / own[frame]
            width = float(own[frame] ** -0.5)
            step = find_shift(coarse.band, others, coarse.values[frame], weight, expected, width)
            shift[frame] = shift[frame] + step
            total -= coarse.values[frame]
            coarse.move_to(shift)
            total += coarse.values[frame]
    return shift


def _expected(
    motion: NDArray[np.float64],
    members: list[int],
    known: list[int],
    shift: NDArray[np.float64],
    loose: float,
) -> tuple[NDArray[np.float64], float]:
    """Displacement (2,) to expect of a group of frames, given those known, and its standard deviation."""
    wide = motion + MAX_DRIFT_A**2
    between = wide[members][:, known].mean(0)
    gain = np.linalg.solve(wide[np.ix_(known, known)] + loose**2 * np.eye(len(known)), between)
    variance = wide[np.ix_(members, members)].mean() - gain @ between + loose**2
    return gain @ shift[known], float(np.sqrt(variance))


def _groups(dose_end: NDArray[np.float64], group_dose: float) -> list[list[int]]:
    """Consecutive frames by dose: single up to ``group_dose``, then as many as make it up."""
    groups: list[list[int]] = []
    start = 0.0
    for frame, end in enumerate(
        dose_end - dose_end[0] + (dose_end[-1] - dose_end[0]) / max(len(dose_end), 1)
    ):
        if groups and end > group_dose and end - start <= group_dose * 1.01:
            groups[-1].append(frame)
        else:
            groups.append([frame])
            start = end
    return groups


def _neighbour_signal(frames: Frames, late: torch.Tensor) -> NDArray[np.float64]:
    """Signal per ring from what neighbouring late frames share before anything is aligned."""
    kept = np.sqrt(frames.kept[-late.shape[0] :])
    pairs = max(late.shape[0] - 1, 1)
    shared = (
        sum(
            (late[i].real * late[i + 1].real + late[i].imag * late[i + 1].imag for i in range(pairs)),
            torch.zeros_like(late[0].real),
        )
        if late.shape[0] > 1
        else torch.zeros_like(late[0].real)
    )
    both = np.maximum((kept[:-1] ** 2 * kept[1:] ** 2).sum(0), 1e-9)
    raw = frames.band.ring_mean(shared) / both
    floor = 1e-4
    return np.asarray(np.maximum(raw, floor), dtype=np.float64)


def find_shift(
    band: Band,
    reference: torch.Tensor,
    image: torch.Tensor,
    weight: torch.Tensor,
    expected_a: NDArray[np.float64],
    spread_a: float,
) -> NDArray[np.float64]:
    """Displacement u (x, y) of ``image`` against ``reference``, Å: the best within `MAX_DRIFT_A`.

    The correlation is in nats, and so is the Gaussian expectation (mean, standard deviation) added to it.
    """
    product = reference.conj() * image * weight
    step_y = float(band.ky.abs().min()) / MIN_ROW
    step_x = float(band.kx.min()) / MIN_ROW
    rows = torch.round(band.ky / step_y).long()
    columns = torch.round(band.kx / step_x).long()
    height, width = 2 * int(rows.abs().max()) + 2, 2 * int(columns.max()) + 2
    plane = torch.zeros(height, width // 2 + 1, dtype=product.dtype, device=product.device)
    plane[(rows % height)[:, None], columns[None, :]] = product
    # irfft2 gives the sum over the full plane / (H W): twice the real part of our half-plane sum.
    surface = torch.fft.irfft2(plane, s=(height, width)) * (height * width)
    surface = surface.cpu().numpy().astype(np.float64)
    pixel_y, pixel_x = 1 / (step_y * height), 1 / (step_x * width)
    reach_y = min(int(MAX_DRIFT_A / pixel_y), height // 2 - 2)
    reach_x = min(int(MAX_DRIFT_A / pixel_x), width // 2 - 2)
    dy = np.arange(-reach_y, reach_y + 1)
    dx = np.arange(-reach_x, reach_x + 1)
    # conj(R) F with F = O exp(-2πi k·u) peaks at +u.
    window = surface[dy[:, None] % height, dx[None, :] % width]
    offset_y, offset_x = dy * pixel_y - expected_a[1], dx * pixel_x - expected_a[0]
    total = window - 0.5 * (offset_y[:, None] ** 2 + offset_x[None, :] ** 2) / spread_a**2
    row, column = np.unravel_index(int(np.argmax(total)), total.shape)
    return np.array(
        [
            (dx[column] + _vertex(total[row], int(column))) * pixel_x,
            (dy[row] + _vertex(total[:, column], int(row))) * pixel_y,
        ]
    )


MIN_ROW = 2


def _vertex(line: NDArray[np.float64], at: int) -> float:
    """Offset of the top of the parabola through a maximum and its neighbours."""
    if at in (0, line.size - 1):
        return 0.0
    below, top, above = line[at - 1 : at + 2]
    bend = below - 2 * top + above
    return 0.0 if bend >= 0 else float(np.clip(0.5 * (below - above) / bend, -0.5, 0.5))
