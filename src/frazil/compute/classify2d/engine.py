"""Incremental expectation maximisation: every particle meets averages that don't contain it.

What the sums hold of the particles of a batch is taken out before they are looked at, and what is found is
added at once (Neal & Hinton 1998): no class holds a particle by that particle's own noise.
"""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.classify2d.accumulate import Contribution, contribution
from frazil.compute.classify2d.band import Band
from frazil.compute.classify2d.bank import DRAWS
from frazil.compute.classify2d.expectation import Expectation, Found
from frazil.compute.classify2d.polar import from_real_series, real_series, shift_phases
from frazil.compute.classify2d.prepared import Prepared, pieces, prepare
from frazil.compute.classify2d.references import References, make_references, shift_disc
from frazil.compute.classify2d.stage import VisitReport
from frazil.compute.classify2d.sums import Spectra, Sums, den_values, half_spectra, solve
from frazil.compute.classify2d.support import COARSEST_A, Support
from frazil.compute.parallel import for_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.bank import Bank
    from frazil.compute.classify2d.sampler import Sampler
    from frazil.compute.classify2d.stage import Images, SampleStore, Stage
    from frazil.model.optics import Optics

# Median evidence of particles that stand out of the noise beyond doubt.
_STRONG_NATS = 25.0
# Up to this size, what visits need of the first particles is kept between them.
_HELD_BYTES = 600e6
# A class of less weight is empty: it takes no part.
_ALIVE = 0.5


class Engine:
    """Sums and noise of one classification, and the visits that improve them.

    Parameters
    ----------
    sampler, optics
        Grid, mask and lens.
    bank, samples
        The particles.
    classes
        K.
    seed
        Draws depend on it and on the number of the visit.
    threads, device
        Of the machine; results don't depend on the threads.
    """

    def __init__(
        self,
        sampler: Sampler,
        optics: Optics,
        bank: Bank,
        samples: SampleStore,
        classes: int,
        *,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        self.sampler, self.grid, self.optics = sampler, sampler.grid, optics
        self.mask_area_a2 = sampler.mask_area_a2
        self.device = sampler.device
        self.bank, self.samples = bank, samples
        self.seed, self.threads = seed, threads
        self.batch = 0
        self.sums = Sums.zeros(self.grid, classes)
        self.residual = np.zeros(self.grid.ring_count)
        self.residual_count = 0.0
        self.strictness = 0.5
        self._bands: dict[float, Band] = {}
        self._samplers: dict[float, Sampler] = {}
        self._summed_rings = self.grid.ring_count
        self._held: Prepared | None = None
        self._held_rows = np.zeros(0, dtype=np.int64)

    @property
    def class_count(self) -> int:
        """K."""
        return int(self.sums.weight.shape[1])

    @property
    def variance(self) -> torch.Tensor:
        """σ²(r) per real component, (R,), float64."""
        return torch.as_tensor(self.residual / (2.0 * max(self.residual_count, 1e-9))).clamp(min=1e-9)

    def band(self, resolution_a: float) -> Band:
        """Grid of a (coarser) resolution and its layout."""
        if resolution_a not in self._bands:
            self._bands[resolution_a] = Band(self.grid.limited(resolution_a))
        return self._bands[resolution_a]

    @property
    def full_band(self) -> Band:
        """Layout of the whole grid."""
        if 0.0 not in self._bands:
            self._bands[0.0] = Band(self.grid)
        return self._bands[0.0]

    @cached_property
    def _support(self) -> Support:
        return Support(self.sampler)

    def limited_sampler(self, resolution_a: float) -> Sampler:
        """Return the sampler of a coarser resolution."""
        if resolution_a not in self._samplers:
            self._samplers[resolution_a] = self.sampler.limited(resolution_a)
        return self._samplers[resolution_a]

    def prepared(self, rows: NDArray[np.int64], threads: int | None = None) -> Prepared:
        """Read and prepare particles."""
        places = self._places(rows)
        if self._held is not None and places is not None:
            return self._held.some(places)
        ctf = self.bank.columns["ctf"][rows].astype(np.float64)
        return prepare(self.grid, self.samples.read(rows), ctf, self.optics, threads or self.threads)

    def hold(self, rows: NDArray[np.int64]) -> bool:
        """Keep particles prepared, because they will be visited often; none to end that. Whether they are."""
        self._held, self._held_rows = None, rows
        size = len(rows) * self.grid.order_count * (-(-self.grid.ring_count // 8)) * 64
        if 0 < size <= _HELD_BYTES:
            self._held = self.prepared(rows)
        return self._held is not None

    def sum_to(self, resolution_a: float) -> None:
        """Let the sums go to this resolution and a few rings beyond; 0: to the end.

        Rings that no stage looks at need not be summed. When more are wanted, the sums are made again.
        """
        wanted = self.grid.ring_count
        if resolution_a > 0.0:
            wanted = min(wanted, -(-(self.band(resolution_a).grid.ring_count + 2) // 8) * 8)
        if wanted == self._summed_rings:
            return
        self._summed_rings = wanted
        columns, count = self.bank.columns, self.bank.count
        self._sum_anew(np.flatnonzero((columns["draw_weight"][:count] > 0.0).any(axis=1)))

    def _sum_anew(self, rows: NDArray[np.int64]) -> None:
        self.sums.clear(np.arange(self.class_count))
        for piece in pieces(len(rows), 2048):
            self._move(self.prepared(rows[piece]), rows[piece], 1.0)

    def take_over(self, coarse: Engine, rows: NDArray[np.int64], images: Images) -> None:
        """Hold and go on with particles that an engine of the same bank has found on a coarser grid."""
        offset_a = self.bank.columns["offset_a"][rows].astype(np.float64)
        for piece in pieces(len(rows), 2048):
            samples = self.sampled(rows[piece], images, offset_a[piece], self.sampler)
            self.take_samples(rows[piece], samples, offset_a[piece])
        self.start_noise(rows)
        known = coarse.grid.ring_count
        self.residual[:known] = coarse.residual * (self.residual_count / max(coarse.residual_count, 1e-9))
        self.batch, self.strictness = coarse.batch, coarse.strictness
        self.hold(rows)
        self._sum_anew(rows)

    def _places(self, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Where these rows lie among the held ones; None if not all are there."""
        if self._held is None or not len(rows):
            return None
        places = np.searchsorted(self._held_rows, rows).clip(max=len(self._held_rows) - 1)
        return places if (self._held_rows[places] == rows).all() else None

    def start_noise(self, rows: NDArray[np.int64]) -> None:
        """Take the noise from the power of the particles themselves."""
        self.residual[:] = 0.0
        for piece in pieces(len(rows), 512):
            series = self.samples.read(rows[piece]).astype(np.float32)
            self.residual += np.square(series).mean(-1).sum(0, dtype=np.float64)
        self.residual_count = float(len(rows))

    def spectra(self) -> Spectra:
        """Half-set correlation and signal of the present sums."""
        return half_spectra(self.sums)

    def averages(self, spectra: Spectra) -> tuple[torch.Tensor, torch.Tensor]:
        """Solve for A and V on the whole grid."""
        return solve(self.sums, spectra.signal, self.variance)

    def regridded(self, averages: torch.Tensor, resolution_a: float) -> torch.Tensor:
        """Averages on the grid of a coarser resolution, (K, R', Q'/2)."""
        grid = self.band(resolution_a).grid
        orders = torch.fft.rfft(real_series(averages[:, : grid.ring_count]), norm="forward")
        series = torch.fft.irfft(orders[..., : grid.order_count], n=grid.angle_count, norm="forward")
        return from_real_series(series)

    def references(self, stage: Stage, averages: torch.Tensor, spread: torch.Tensor) -> References:
        """Make averages (K, R, Q/2) with variance (K, R) ready for a stage."""
        band = self.band(stage.resolution_a)
        grid, rings = band.grid, band.grid.ring_count
        values = self.regridded(averages, stage.resolution_a)
        weight = self.sums.weight.sum(0)
        share = weight.clip(min=0.0) + 0.02 * weight.sum() / self.class_count + 1e-6
        share[weight < _ALIVE] = 0.0
        share = share / max(share.sum(), 1e-30) * (1.0 - stage.null_share)
        weights = grid.weights(self.mask_area_a2) / self.variance[:rings]
        return make_references(
            band,
            values.to(self.device),
            spread[:, :rings].to(self.device),
            weights.to(torch.float32).to(self.device),
            share,
            shift_disc(stage.shift_step_a, stage.shift_radius_a),
            stage.shift_sigma_a,
            self.threads,
        )

    def visit(self, rows: NDArray[np.int64], stage: Stage, *, keep: bool = True) -> VisitReport:
        """Look at particles once: take them out of the sums, find classes and poses, add them again.

        Without ``keep`` the sums are left as they are (without these particles), and nothing is added.
        """
        prepared = self.prepared(rows)
        self._move(prepared, rows, -1.0)
        self.bank.forget(rows)
        found, averages = self.expect(prepared, stage, self.bank.columns["slot"][rows])
        report = self.note(rows, found)
        if keep:
            self._learn_noise(prepared, averages, self._move(prepared, rows, 1.0))
            middle = np.median(found.evidence[found.slot >= 0]) if (found.slot >= 0).any() else 0.0
            self.strictness += 0.3 * (min(1.0, max(0.5, float(middle) / _STRONG_NATS)) - self.strictness)
        return report

    def expect(
        self, prepared: Prepared, stage: Stage, home: NDArray[np.int16] | None = None
    ) -> tuple[Found, torch.Tensor]:
        """Find classes and poses of particles, by the present averages without solvent; returns these too.

        The particles may be prepared on a coarser grid that reaches as far; ``home``: classes they are in.
        """
        averages, spread = self.averages(self.spectra())
        if stage.resolution_a <= COARSEST_A:
            averages, spread = self._support(averages, spread, self.threads)
        references = self.references(stage, averages, spread)
        coarse = None if stage.coarse is None else self.references(stage.coarse, averages, spread)
        chance = np.random.default_rng([self.seed, self.batch]).random((len(prepared), 2))
        self.batch += 1
        expectation = Expectation(stage, references, coarse, self.strictness)
        return expectation(prepared, chance, self.threads, home), averages

    def give_up(self, slot: int) -> NDArray[np.int64]:
        """Empty a class; its particles are in none until they are visited again. Returns whom it concerns."""
        bank = self.bank
        self.sums.clear(np.array([slot]))
        drawn, likely, best = (bank.column(n) == slot for n in ("draw_slot", "top_slot", "slot"))
        bank.column("draw_weight")[drawn] = 0.0
        bank.column("draw_slot")[drawn] = -1
        bank.column("slot")[best] = -1
        bank.column("top_probability")[likely] = 0.0
        return np.flatnonzero(drawn.any(1) | likely.any(1) | best)

    def place(self, rows: NDArray[np.int64], slot: int) -> None:
        """Put particles, whole and in their best poses, into a class."""
        if not len(rows):
            return
        columns = self.bank.columns
        prepared = self.prepared(rows)
        self._move(prepared, rows, -1.0)
        self.bank.forget(rows)
        columns["slot"][rows] = slot
        columns["draw_slot"][rows, 0] = slot
        columns["draw_pose"][rows, 0, :3] = columns["pose"][rows]
        columns["draw_pose"][rows, 0, 3:] = 0.0
        columns["draw_weight"][rows, 0] = 1.0
        self._move(prepared, rows, 1.0)

    def shift_classes(self, move_a: NDArray[np.float64]) -> None:
        """Bring what lies at these places of the averages, (K, 2), (x, y) in Å, to their centres."""
        rings = self.grid.ring_count
        phases = shift_phases(self.grid, torch.as_tensor(-move_a)).numpy().swapaxes(1, 2)
        num = self.sums.num[..., 0, :rings] + 1j * self.sums.num[..., 1, :rings]
        num *= phases
        self.sums.num[..., 0, :rings], self.sums.num[..., 1, :rings] = num.real, num.imag
        columns, count = self.bank.columns, self.bank.count
        for pose, slot in (("pose", "slot"), ("draw_pose", "draw_slot")):
            index = columns[slot][:count].astype(np.int64)
            moved = np.where(index[..., None] >= 0, move_a[index], 0.0)
            columns[pose][:count][..., 1:3] += moved.astype(np.float32)

    def sample_at(self, rows: NDArray[np.int64], images: Images, offset_a: NDArray[np.float64]) -> None:
        """Sample particles around other centres, (p, 2); poses and sums follow."""
        for piece in pieces(len(rows), 2048):
            some = rows[piece]
            self._move(self.prepared(some), some, -1.0)
            self.resample(some, images, offset_a[piece])
            self._move(self.prepared(some), some, 1.0)

    def resample(self, rows: NDArray[np.int64], images: Images, offset_a: NDArray[np.float64]) -> None:
        """As `sample_at`, of particles that the sums don't hold."""
        columns = self.bank.columns
        move = offset_a - columns["offset_a"][rows].astype(np.float64)
        self.take_samples(rows, self.sampled(rows, images, offset_a, self.sampler), offset_a)
        for name in ("pose", "draw_pose"):
            pose = columns[name][rows]
            gamma = pose[..., 0].astype(np.float64)
            x, y = move.T if pose.ndim == 2 else move.T[..., None]
            c, s = np.cos(gamma), np.sin(gamma)
            pose[..., 1] -= (c * x + s * y).astype(np.float32)
            pose[..., 2] -= (c * y - s * x).astype(np.float32)
            columns[name][rows] = pose

    def take_samples(
        self, rows: NDArray[np.int64], samples: NDArray[np.float16], offset_a: NDArray[np.float64]
    ) -> None:
        """Keep samples (p, R, Q) around these centres (p, 2); poses and sums stay as they are."""
        columns = self.bank.columns
        columns["offset_a"][rows] = offset_a
        self.samples.write(rows, samples)
        places = self._places(rows)
        if self._held is not None and places is not None:
            new = prepare(self.grid, samples, columns["ctf"][rows], self.optics, self.threads)
            self._held.planes[places], self._held.power[places] = new.planes, new.power

    def sampled(
        self, rows: NDArray[np.int64], images: Images, offset_a: NDArray[np.float64], sampler: Sampler
    ) -> NDArray[np.float16]:
        """Take samples (p, R, Q) around these centres, on all threads; nothing is kept."""
        grid = sampler.grid
        out = np.empty((len(rows), grid.ring_count, grid.angle_count), dtype=np.float16)
        # Whoever gives the images need not know of threads.
        one_at_a_time = threading.Lock()

        def work(piece: slice) -> None:
            with torch.inference_mode():
                with one_at_a_time:
                    block = images(rows[piece])
                out[piece] = sampler(block, offset_a[piece])

        sampler.make_ready()
        for_each(work, pieces(len(rows)), self.threads)
        return out

    def remove(self, rows: NDArray[np.int64]) -> None:
        """Take particles out of the sums, and forget where they were."""
        if len(rows):
            self.take_out(rows)
            self.bank.forget(rows)

    def take_out(self, rows: NDArray[np.int64]) -> None:
        """Take particles out of the sums for a while; `put_back` must follow."""
        held = rows[(self.bank.columns["draw_weight"][rows] > 0.0).any(axis=1)]
        if len(held):
            self._move(self.prepared(held), held, -1.0)

    def put_back(self, rows: NDArray[np.int64]) -> None:
        """Add particles, which the sums lack, as the bank says."""
        self._move(self.prepared(rows), rows, 1.0)

    def note(self, rows: NDArray[np.int64], found: Found) -> VisitReport:
        """Write into the bank what was found of particles; the sums stay as they are."""
        columns = self.bank.columns
        moved = int((columns["slot"][rows] != found.slot).sum())
        for name in ("evidence", "slot", "probability", "pose", "top_slot", "top_probability"):
            columns[name][rows] = getattr(found, name)
        columns["draw_slot"][rows] = found.draw_slot
        columns["draw_pose"][rows] = found.draw_pose
        columns["draw_weight"][rows] = (found.real / DRAWS)[:, None]
        columns["visits"][rows] += 1
        columns["visited"][rows] = self.batch
        return VisitReport(len(rows), float(found.evidence.sum(dtype=np.float64)), moved)

    def _move(self, prepared: Prepared, rows: NDArray[np.int64], sign: float) -> Contribution:
        """Add (+1) or take out (-1) what the bank says the sums hold of particles; returns the change."""
        change = contribution(
            prepared,
            self.bank.columns,
            rows,
            self.class_count,
            self._summed_rings,
            self.full_band,
            self.threads,
        )
        change.add_to(self.sums, sign)
        return change

    def _learn_noise(self, prepared: Prepared, averages: torch.Tensor, added: Contribution) -> None:
        """Residual power of the particles just added, against averages that didn't hold them."""
        rings = self._summed_rings
        averages = averages[:, :rings]
        both = torch.as_tensor(added.num).sum(0)[..., :rings]
        values = torch.complex(both[..., 0, :], both[..., 1, :]).transpose(-1, -2)
        squares = den_values(torch.as_tensor(added.den).sum(0), self.grid.angle_count)
        explained = 2.0 * (averages.conj() * values).real - squares * averages.abs().square()
        residual = prepared.power[prepared.rows].sum(0, dtype=np.float64)
        residual[:rings] -= explained.mean(-1).double().sum(0).numpy()
        count = len(prepared)
        alive = max(int(self.bank.column("alive").sum()), count)
        kept = 1.0 - count / alive
        self.residual = kept * self.residual + residual
        self.residual_count = kept * self.residual_count + count
