"""Incremental expectation maximisation over folds: every particle meets averages that don't contain it.

The particles lie in F folds. A fold's contribution is taken out of its classes before the fold is visited,
and the new one is added at once (Neal & Hinton 1998): no class holds a particle by that particle's own noise,
and the sums of even and odd folds are the half sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch

from frazil.compute.classify2d.expect import References, log_likelihood, make_references, shift_disc
from frazil.compute.classify2d.maximise import (
    Spectra,
    Sums,
    accumulate,
    den_values,
    half_spectra,
    shifted_back,
    solve,
)
from frazil.compute.classify2d.polar import from_harmonics, shift_phases

if TYPE_CHECKING:
    from frazil.compute.classify2d.particles import ParticleStore

# Floats of one block of poses (particles x classes x shifts x angles): a few MB stay in the cache.
_BLOCK_FLOATS = 4e6
# Poses this improbable are not worth their arithmetic, nats and share of a class.
_SHORT_LIST_NATS = 14.0
_WORTH_ADDING = 1e-3
# Below, exp is nothing; denormal numbers would cost ten times the arithmetic.
_LOWEST = -40.0
# Median evidence of particles that stand out of the noise beyond doubt.
_STRONG_NATS = 25.0
# A class of less weight is empty: it takes no part.
_ALIVE = 0.5


@dataclass(frozen=True)
class Stage:
    """How one pass looks at the particles.

    Attributes
    ----------
    resolution_a
        Finest ring that is compared.
    shift_step_a, shift_radius_a, shift_sigma_a
        Grid of shifts around each particle's present centre, and the width of the prior.
    heat
        Inverse temperature of the likelihood, 0 to 1.
    balance
        Exponent η of the class shares in the prior.
    null_share
        Prior share of the null class (nothing but noise); 0: none.
    coarse
        Stage whose evidence makes the short list of classes; None: all classes are looked at.
    refine_pose
        Poses between the grid's points, by the posterior mean around the best.
    """

    resolution_a: float
    shift_step_a: float
    shift_radius_a: float
    shift_sigma_a: float
    heat: float = 1.0
    balance: float = 1.0
    null_share: float = 0.0
    coarse: Stage | None = None
    refine_pose: bool = False


@dataclass
class Poses:
    """What is known of each particle, P of them in store order.

    Attributes
    ----------
    class_index
        (P,): most probable class from 0; -1 for the null class.
    probability
        (P, K): posterior of the classes.
    evidence
        (P,): log evidence over the null class, nats.
    angle_rad, shift_a
        (P,) and (P, 2): γ, and δ in the class frame, of the best pose in that class.
    """

    class_index: torch.Tensor
    probability: torch.Tensor
    evidence: torch.Tensor
    angle_rad: torch.Tensor
    shift_a: torch.Tensor

    @classmethod
    def empty(cls, count: int, classes: int) -> Poses:
        """Nothing known."""
        return cls(
            torch.full((count,), -1, dtype=torch.int64),
            torch.zeros((count, classes), dtype=torch.float32),
            torch.zeros(count, dtype=torch.float64),
            torch.zeros(count, dtype=torch.float64),
            torch.zeros((count, 2), dtype=torch.float64),
        )

    def centre_a(self) -> torch.Tensor:
        """R(γ) δ: centre of the particle in the image frame, relative to where it was sampled, (P, 2)."""
        c, s = torch.cos(self.angle_rad), torch.sin(self.angle_rad)
        x, y = self.shift_a[:, 0], self.shift_a[:, 1]
        return torch.stack([c * x - s * y, s * x + c * y], dim=1)


class Engine:
    """Sums, noise and poses of one classification, and the pass that improves them."""

    def __init__(self, store: ParticleStore, folds: int, classes: int) -> None:
        self.store = store
        self.device = store.device
        edges = torch.linspace(0, store.usable, folds + 1).round().int().tolist()
        self.folds = [slice(a, b) for a, b in pairwise(edges)]
        self.grid = store.grid
        self.sums = Sums.zeros(store.grid, folds, classes, self.device)
        self.poses = Poses.empty(store.usable, classes)
        self.residual = torch.zeros((folds, store.grid.ring_count), dtype=torch.float64, device=self.device)
        self.strictness = 0.5
        self.variance = torch.ones(store.grid.ring_count, dtype=torch.float64, device=self.device)
        self.weights = store.grid.weights(store.mask_area_a2, self.device)

    @property
    def class_count(self) -> int:
        """K."""
        return int(self.sums.weight.shape[1])

    def use_resolution(self, resolution_a: float) -> None:
        """Go over to another resolution; averages keep what they have."""
        grid = self.store.grid.limited(resolution_a)
        if grid != self.grid:
            self.sums = self.sums.regridded(grid)
            self.grid = grid
            self.weights = grid.weights(self.store.mask_area_a2, self.device)

    def measure_noise(self, signal_share: float = 0.0) -> None:
        """Start the noise from the power of the particles themselves."""
        power = torch.zeros(self.store.grid.ring_count, dtype=torch.float64, device=self.device)
        for block in self._blocks(slice(0, self.store.usable), 512):
            x = self.store.samples[block].to(torch.float32)
            power += x.square().sum(-1).mean(-1).double().sum(0)
        self.variance = (1.0 - signal_share) * power / (2.0 * max(1, self.store.usable))
        counts = torch.tensor([f.stop - f.start for f in self.folds], dtype=torch.float64, device=self.device)
        self.residual = counts[:, None] * 2.0 * self.variance[None]

    def spectra(self) -> Spectra:
        """Half-set correlation and signal of the present sums."""
        return half_spectra(self.sums)

    def averages(self, spectra: Spectra, without: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Solve for A and V on the present grid, with one fold left out if wanted."""
        num, den = self.sums.num.sum(0), self.sums.den.sum(0)
        if without is not None:
            num = num - self.sums.num[without]
            den = den - self.sums.den[without]
        return solve(self.sums, num, den, spectra.signal, self.variance[: self.grid.ring_count])

    def references(self, stage: Stage, without: int | None, spectra: Spectra) -> References:
        """Make the references of a pass over a fold."""
        averages, spread = self.averages(spectra, without)
        grid = self.grid
        if stage.resolution_a > grid.resolution_a * 1.001:
            coarse = self.store.grid.limited(stage.resolution_a)
            sums = Sums(grid, averages[None], self.sums.den[:1], self.sums.weight[:1]).regridded(coarse)
            averages, spread, grid = sums.num[0], spread[:, : coarse.ring_count], coarse
        weight = self.sums.weight.sum(0)
        if without is not None:
            weight = weight - self.sums.weight[without]
        total = float(weight.sum())
        share = (weight.clamp(min=0.0) + 0.02 * total / self.class_count + 1e-6) ** stage.balance
        share[weight < _ALIVE] = 0.0
        share = (share / share.sum().clamp(min=1e-30) * (1.0 - stage.null_share)).clamp(min=1e-30)
        rings = slice(0, grid.ring_count)
        weights = grid.weights(self.store.mask_area_a2, self.device) / self.variance[rings]
        return make_references(
            grid,
            averages,
            spread,
            weights * stage.heat,
            share,
            shift_disc(stage.shift_step_a, stage.shift_radius_a).to(self.device),
            stage.shift_sigma_a,
        )

    def run_pass(self, stage: Stage, folds: list[int]) -> None:
        """Visit every particle of some folds once."""
        self.use_resolution(stage.resolution_a)
        # With all of the averages' noise counted, small classes of weak particles (real ones of small
        # stacks) lost a quarter of their members to the null class; strong particles lose nothing by it.
        middle = float(self.poses.evidence[self.poses.class_index >= 0].median().nan_to_num(0.0))
        self.strictness = min(1.0, max(0.5, middle / _STRONG_NATS))
        rings = slice(0, self.grid.ring_count)
        for f in folds:
            if self.folds[f].stop > self.folds[f].start:
                self._visit(stage, f)
                mean = self.residual.sum(0) / (2.0 * self.store.usable)
                self.variance[rings] = mean[rings].clamp(min=1e-9)

    def _visit(self, stage: Stage, fold: int) -> None:
        spectra = self.spectra()
        references = self.references(stage, fold, spectra)
        coarse = None if stage.coarse is None else self.references(stage.coarse, fold, spectra)
        grid, classes = self.grid, self.class_count
        shifts = references.shifts_a
        num = torch.zeros(
            (grid.order_count, grid.ring_count, classes, len(shifts)),
            dtype=torch.complex64,
            device=self.device,
        )
        den = torch.zeros_like(self.sums.den[0])
        weight = torch.zeros(classes, dtype=torch.float64, device=self.device)
        power = torch.zeros(grid.ring_count, dtype=torch.float64, device=self.device)
        size = max(16, int(_BLOCK_FLOATS / (classes * len(shifts) * grid.angle_count)))
        if coarse is not None:
            size = 256
        for block in self._blocks(self.folds[fold], size):
            orders, squares, ring_power = self.store.orders(grid, block)
            power += ring_power.double().sum(0)
            parts = self._parts(references, coarse, orders, squares)
            self._digest(references, stage, block, parts, orders, squares, (num, den, weight))
        back = shifted_back(grid, shifts, num)
        a = references.averages
        den_theta = den_values(den, grid.angle_count)
        explained = 2.0 * (a.conj() * back).real - den_theta * a.abs().square()
        self.residual[fold, : grid.ring_count] = power - explained.mean(-1).double().sum(0)
        self.sums.num[fold], self.sums.den[fold], self.sums.weight[fold] = back, den, weight

    def _parts(
        self, references: References, coarse: References | None, orders: torch.Tensor, squares: torch.Tensor
    ) -> list[tuple[torch.Tensor, slice, torch.Tensor]]:
        """Log posterior (not normalised) in pieces: which particles, which classes, (p, K', S, Q)."""
        everyone = torch.arange(orders.shape[1], device=self.device)
        prior = references.log_prior[None, :, :, None]
        if coarse is None:
            return [
                (everyone, slice(0, self.class_count), log_likelihood(references, orders, squares) + prior)
            ]
        rings, count = coarse.grid.ring_count, coarse.grid.order_count
        low = log_likelihood(coarse, orders[:count, :, :rings].contiguous(), squares[:, :rings])
        low += coarse.log_prior[None, :, :, None]
        best = low.flatten(2).amax(2)
        evidence = best + low.sub_(best[:, :, None, None]).clamp_(min=_LOWEST).exp_().sum((2, 3)).log()
        keep = evidence > evidence.amax(1, keepdim=True) - _SHORT_LIST_NATS
        keep.scatter_(1, evidence.topk(min(3, self.class_count), dim=1).indices, True)
        parts = []
        for c in range(self.class_count):
            who = keep[:, c].nonzero().reshape(-1)
            if len(who):
                one = slice(c, c + 1)
                scores = log_likelihood(references, orders[:, who], squares[who], one)
                parts.append((who, one, scores + prior[:, one]))
        return parts

    def _digest(
        self,
        references: References,
        stage: Stage,
        block: slice,
        parts: list[tuple[torch.Tensor, slice, torch.Tensor]],
        orders: torch.Tensor,
        squares: torch.Tensor,
        totals: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    ) -> None:
        """Normalise the posterior of a block, note the best poses, add to the fold's sums."""
        num, den, weight = totals
        size = orders.shape[1]
        z = torch.full((size, self.class_count), -float("inf"), device=self.device)
        peaks = torch.zeros((size, self.class_count), dtype=torch.int64, device=self.device)
        tops = []
        for who, classes, scores in parts:
            top, peak = scores.flatten(2).max(2)
            scores.sub_(top[:, :, None, None]).clamp_(min=_LOWEST).exp_()
            z[who, classes] = top + scores.sum((2, 3)).log()
            peaks[who, classes] = peak
            tops.append(top)
        # Against the null class an average's noise is no merit.
        total = torch.logsumexp(z - self.strictness * references.allowance, 1)
        if stage.null_share > 0.0:
            null = torch.full_like(total, float(torch.tensor(stage.null_share).log()))
        else:
            null = torch.full_like(total, -float("inf"))
        # ln of the sum over classes, plus -ln of the share that the null class leaves them.
        whole = torch.logsumexp(z, 1)
        if stage.null_share > 0.0:
            whole = whole + torch.nn.functional.softplus(null - total)
        probability = (z - whole[:, None]).exp()
        best = probability.argmax(1)
        chosen = peaks.gather(1, best[:, None])[:, 0]
        q_count = references.grid.angle_count
        self.poses.class_index[block] = torch.where(null > total, -1, best).cpu()
        self.poses.probability[block] = probability.cpu()
        self.poses.evidence[block] = total.double().cpu()
        self.poses.angle_rad[block] = ((chosen % q_count).double() * (2.0 * torch.pi / q_count)).cpu()
        self.poses.shift_a[block] = references.shifts_a[chosen // q_count].cpu()
        for (who, classes, scores), top in zip(parts, tops, strict=True):
            if stage.refine_pose:
                self._refine(references, block, best, (who, classes, scores))
            scale = (top - whole[who, None]).exp()
            for at, c in enumerate(range(classes.start, classes.stop)):
                worth = (probability[who, c] > _WORTH_ADDING).nonzero().reshape(-1)
                if not len(worth):
                    continue
                weights = scores[worth, at : at + 1] * scale[worth, at, None, None, None]
                rows = who[worth]
                some_num, some_den = accumulate(references.grid, weights, orders[:, rows], squares[rows])
                num[:, :, c : c + 1] += some_num
                den[c : c + 1] += some_den
        weight += probability.double().sum(0)

    def _refine(
        self,
        references: References,
        block: slice,
        best: torch.Tensor,
        part: tuple[torch.Tensor, slice, torch.Tensor],
    ) -> None:
        """Replace the best poses by the mean of the posterior within two angles of them."""
        who, classes, scores = part
        mine = (best[who] >= classes.start) & (best[who] < classes.stop)
        if not bool(mine.any()):
            return
        rows = who[mine]
        weight = scores[mine, best[rows] - classes.start]
        q_count = references.grid.angle_count
        step = 2.0 * torch.pi / q_count
        at = block.start + rows.cpu()
        peak = (self.poses.angle_rad[at] / step).round().long().to(self.device)
        window = torch.arange(-2, 3, device=self.device)
        near = weight.gather(2, ((peak[:, None] + window) % q_count)[:, None].expand(-1, weight.shape[1], -1))
        total = near.sum((1, 2)).double()
        angle = (near.sum(1).double() * window).sum(1) / total
        shift = near.sum(2).double() @ references.shifts_a / total[:, None]
        self.poses.angle_rad[at] = ((peak.double() + angle) * step).cpu()
        self.poses.shift_a[at] = shift.cpu()

    def _blocks(self, within: slice, size: int) -> list[slice]:
        return [slice(i, min(i + size, within.stop)) for i in range(within.start, within.stop, size)]

    def in_class_frame(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Turn and shift C X back by the best poses, (p, R, Q/2); turn the orders of C² alike, (p, R, 3)."""
        parts, dens = [], []
        for start in range(0, len(rows), 256):
            some = rows[start : start + 256]
            orders, squares, _ = self.store.orders(self.grid, some)
            gamma = self.poses.angle_rad[some].to(self.device)
            q = torch.arange(self.grid.order_count, device=self.device)
            turn = torch.exp(1j * gamma[:, None] * q).to(torch.complex64)
            values = from_harmonics((orders.permute(1, 2, 0) * turn[:, None]), self.grid.angle_count)
            phases = shift_phases(self.grid, self.poses.shift_a[some].to(self.device)).conj()
            parts.append(values * phases.to(torch.complex64))
            m = torch.arange(squares.shape[-1], device=self.device)
            dens.append(squares * torch.exp(2j * gamma[:, None, None] * m).to(torch.complex64))
        return torch.cat(parts), torch.cat(dens)

    def rebuild(self, class_index: torch.Tensor, classes: int) -> None:
        """Make the sums anew from the best poses and given class indices (-1: none)."""
        self.sums = Sums.zeros(self.grid, len(self.folds), classes, self.device)
        for f, fold in enumerate(self.folds):
            for block in self._blocks(fold, 256):
                rows = torch.arange(block.start, block.stop)
                rows = rows[class_index[rows] >= 0]
                if not len(rows):
                    continue
                values, squares = self.in_class_frame(rows)
                index = class_index[rows].to(self.device)
                self.sums.num[f].index_add_(0, index, values)
                self.sums.den[f].index_add_(0, index, squares)
                self.sums.weight[f].index_add_(
                    0, index, torch.ones(len(index), dtype=torch.float64, device=self.device)
                )

    def recentre(self, most_a: float) -> None:
        """Take the best shifts over into the particles' centres, and sample them there."""
        moved = self.poses.class_index >= 0
        wanted = self.store.offset_a + self.poses.centre_a()
        moved &= wanted.norm(dim=1) <= most_a
        self.store.offset_a[moved] = wanted[moved]
        self.poses.shift_a[moved] = 0.0
        self.store.sample()
