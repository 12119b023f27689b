"""A classification that goes on as particles come: start-up, following, structure, final pass."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from frazil.compute.classify2d.centres import find_centres, recentre
from frazil.compute.classify2d.division import divide_large
from frazil.compute.classify2d.exchange import exchange
from frazil.compute.classify2d.mixtures import part_or_merge
from frazil.compute.classify2d.outliers import MOST_TIMES, STRONG, coarse_power, typical_power
from frazil.compute.classify2d.prepared import centre_a, pieces
from frazil.compute.classify2d.render import centres_a, polarity, smooth_pictures
from frazil.compute.classify2d.second_look import look_again
from frazil.compute.classify2d.startup import settle
from frazil.compute.classify2d.sums import crossing

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from frazil.compute.classify2d.engine import Engine
    from frazil.compute.classify2d.exchange import Move
    from frazil.compute.classify2d.samples import BoxViews
    from frazil.compute.classify2d.schedule import Reach
    from frazil.compute.classify2d.stage import Images, Stage, VisitReport

# Fewer particles than this per class are no class: few particles get fewer classes than asked for.
PARTICLES_PER_CLASS = 20
# Start-up looks at no more than this many particles, all or per class.
_STARTUP_PARTICLES = 6000
_STARTUP_PER_CLASS = 120
# Few classes to begin with: large ones align, and splitting finds the rest.
_FIRST_CLASSES = 4
_FIRST_MEMBERS = 300
# Start-up is done again when there are so many times the particles of the last one.
_RENEWAL = 1.9
# Classes are given up and split when there are so many times the particles of the last time.
_STRUCTURE = 1.1
# The limit goes on while the better half of the classes is resolved to so many times its present value.
_SUPPORTED = 1.3
# Batches in which the start-up visits all its particles: the averages lack a batch while it is visited.
_BATCHES = 7
# How far off boxes are is told by no fewer particles; it is taken a little wider, and not below this.
_FEWEST_CENTRES, _CENTRING_MARGIN, _LEAST_CENTRING_A = 50, 1.2, 3.0
# Old particles from which the ones to visit again are chosen, for each one wanted.
_CANDIDATES = 8


@dataclass
class ClassNames:
    """Who the classes are: a number that is never used twice, and where each came from."""

    stable_id: list[int]
    parents: list[list[int]]
    next_id: int = 1

    def born(self, slot: int, parents: list[int]) -> None:
        """Name a new class."""
        self.stable_id[slot], self.parents[slot] = self.next_id, parents
        self.next_id += 1


@dataclass
class Progress:
    """Where a run stands; goes into its checkpoint.

    Attributes
    ----------
    limit_a
        Resolution compared to, Å; inf before the first start-up.
    settled, structured
        Particles at the last start-up and at the last change of the classes.
    allowed
        Classes that may be used so far.
    changes
        Classes born, given up or seeded anew since the last publication.
    largest_key
        Of all particles so far.
    centred, cycle
        Scheduled modes: particles have been sampled around their own centres; last cycle done.
    typical_power
        Coarse power of an ordinary image (see `frazil.compute.classify2d.outliers`); 0: not known yet.
    centring_a
        How far particles lie from their boxes' centres, standard deviation per axis; 0: not known yet.
    """

    limit_a: float = math.inf
    settled: int = 0
    structured: int = 0
    allowed: int = 0
    changes: int = 0
    largest_key: int = -1
    centred: bool = False
    cycle: int = -1
    typical_power: float = 0.0
    centring_a: float = 0.0


@dataclass
class Tally:
    """Sums over the visits since somebody looked."""

    visits: int = 0
    evidence: float = 0.0
    moved: int = 0
    touched: list[NDArray[np.int64]] = field(default_factory=list)

    def add(self, rows: NDArray[np.int64], report: VisitReport) -> None:
        """Count a visit."""
        self.visits += report.particles
        self.evidence += report.evidence
        self.moved += report.moved
        self.touched.append(rows)


class Run:
    """One classification.

    Parameters
    ----------
    engine
        Sums and particles.
    reach
        Limits.
    images
        Gives the images of rows, for taking samples around better centres.
    autocentre
        Centre the averages during start-up.
    """

    def __init__(self, engine: Engine, reach: Reach, images: Images, *, autocentre: bool = True) -> None:
        self.engine, self.reach, self.images, self.autocentre = engine, reach, images, autocentre
        self.progress, self.tally = Progress(), Tally()
        # During start-up: its particles as searches in the whole box see them.
        self.box_views: BoxViews | None = None
        classes = engine.class_count
        self.names = ClassNames([0] * classes, [[] for _ in range(classes)])
        self.tell: Callable[[float, str], Any] = lambda _share, _message: None

    @property
    def usable(self) -> int:
        """Particles that take part."""
        return int(self.engine.bank.column("alive").sum())

    @property
    def startup(self) -> int:
        """Particles that a full start-up looks at."""
        return max(_STARTUP_PARTICLES, _STARTUP_PER_CLASS * self.engine.class_count)

    @property
    def batch_size(self) -> int:
        """Particles visited together."""
        per_pass = math.ceil(min(self.usable, self.startup) / _BATCHES)
        return max(1, min(per_pass, max(500, 10 * self.engine.class_count)))

    def random(self, purpose: int) -> np.random.Generator:
        """Chance that depends on the seed and on how far the run is."""
        return np.random.default_rng([self.engine.seed, self.engine.batch, purpose])

    def visit(self, rows: NDArray[np.int64], stage: Stage) -> None:
        """Visit particles in batches, in random order."""
        rows = self.random(1).permutation(rows)
        for some in np.array_split(rows, max(1, math.ceil(len(rows) / self.batch_size))):
            if len(some):
                self.tally.add(some, self.engine.visit(some, stage))

    def find_centres(self, rows: NDArray[np.int64], stage: Stage) -> None:
        """Look for particles in the whole box, and sample them around what is found."""
        rows = self.random(1).permutation(rows)
        for some in np.array_split(rows, max(1, math.ceil(len(rows) / self.batch_size))):
            if len(some):
                some = np.sort(some)
                find_centres(self.engine, some, self.images, stage, self.box_views)
                self.engine.put_back(some)
                self.tally.visits += len(some)

    def look_again(self, rows: NDArray[np.int64]) -> None:
        """Search particles, visited at the present stage, in the whole box once more."""
        rows = self.random(6).permutation(rows)
        for some in np.array_split(rows, max(1, math.ceil(len(rows) / self.batch_size))):
            if len(some):
                some = np.sort(some)
                wide, held = self.wide, self.box_views
                self.tally.add(some, look_again(self.engine, some, self.images, wide, self.stage, held))

    def allow(self) -> None:
        """Let there be as many classes as the particles support."""
        supported = max(1, min(self.engine.class_count, self.usable // PARTICLES_PER_CLASS))
        self.progress.allowed = max(self.progress.allowed, supported)

    def without_strong(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Leave out images, not visited yet, that are far stronger than particles; returns the others."""
        power = coarse_power(self.engine, rows, self.images)
        if self.progress.typical_power <= 0.0:
            self.progress.typical_power = typical_power(power)
        most = MOST_TIMES * self.progress.typical_power
        too_strong = (power > most) & (most > 0.0)
        columns, found = self.engine.bank.columns, rows[too_strong]
        columns["alive"][found] = False
        columns["visited"][found] = STRONG
        self.tally.touched.append(found)
        return rows[~too_strong]

    @property
    def unvisited(self) -> NDArray[np.int64]:
        """Particles that were never looked at."""
        bank = self.engine.bank
        return np.flatnonzero(bank.column("alive") & (bank.column("visits") == 0))

    def settle(self) -> None:
        """Start up, or start up again with more particles: from coarse to the finest limit supported."""
        self.without_strong(self.unvisited)
        alive = np.flatnonzero(self.engine.bank.column("alive"))
        if not len(alive):
            return
        rows = np.sort(self.random(2).permutation(alive)[: self.startup])
        self.allow()
        # Centring moves the poses of all members.
        self.tally.touched.append(np.arange(self.engine.bank.count))
        settle(self, rows)
        self.progress.settled = self.progress.structured = self.usable

    def recentre(self, rows: NDArray[np.int64], least_a: float) -> None:
        """Sample particles around their centres, those that are further off than ``least_a``."""
        pose = self.engine.bank.columns["pose"][rows]
        off = np.hypot(pose[:, 1], pose[:, 2]) > least_a
        recentre(self.engine, rows[off], self.images)

    @property
    def wide(self) -> Stage:
        """How particles are looked for in the whole box: near its centre first, as far as is known."""
        wide, learned = self.reach.wide(), self.progress.centring_a
        return replace(wide, shift_sigma_a=min(wide.shift_sigma_a, learned)) if learned > 0.0 else wide

    def learn_centring(self, rows: NDArray[np.int64]) -> None:
        """Learn from the better half of the particles found how far from their boxes' centres they lie."""
        columns = self.engine.bank.columns
        rows = rows[columns["slot"][rows] >= 0]
        if len(rows) < _FEWEST_CENTRES:
            return
        evidence = columns["evidence"][rows]
        rows = rows[evidence >= np.median(evidence)]
        centre = columns["offset_a"][rows] + centre_a(columns["pose"][rows])
        spread = math.sqrt(float(np.median(np.square(centre).sum(1))) / (2.0 * math.log(2.0)))
        self.progress.centring_a = max(_LEAST_CENTRING_A, _CENTRING_MARGIN * spread)

    @property
    def stage(self) -> Stage:
        """How particles are looked at at the present limit."""
        return self.reach.fine(min(self.progress.limit_a, self.reach.coarse_a))

    def supports(self, resolution_a: float) -> bool:
        """Whether the classes are good enough for a finer limit."""
        limit = self.progress.limit_a
        if resolution_a >= 0.98 * limit:
            return True
        return self.resolved_a() <= _SUPPORTED * limit

    def resolved_a(self) -> float:
        """Median FRC-0.5 resolution of the better half of the classes, Å."""
        engine = self.engine
        frc = crossing(engine.spectra().frc, engine.grid.frequencies_per_a(), 0.5).numpy()
        seen = np.sort(frc[engine.sums.weight.sum(0) > 0.5])
        return float(seen[len(seen) // 4]) if len(seen) else math.inf

    def seed(self, rows: NDArray[np.int64]) -> None:
        """Averages of random subsets, each particle at a random angle."""
        engine, chance = self.engine, self.random(3)
        first = min(self.progress.allowed, max(_FIRST_CLASSES, len(rows) // _FIRST_MEMBERS))
        columns = engine.bank.columns
        columns["pose"][rows] = 0.0
        columns["pose"][rows, 0] = chance.uniform(0.0, 2.0 * math.pi, len(rows))
        slots = chance.integers(0, first, len(rows))
        for slot in range(first):
            engine.place(rows[slots == slot], slot)
            self.names.born(slot, [])

    def exchange(self, share: float, resolution_a: float) -> bool:
        """One round of giving up and splitting; whether anything moved."""
        most = max(1, round(share * self.progress.allowed))
        return self._note(exchange(self.engine, most, resolution_a, self.progress.allowed))

    def divide(self, stage: Stage) -> bool:
        """Divide large classes, part or merge such as share particles; whether anything moved."""
        moved = self._note(divide_large(self.engine, stage, self.progress.allowed))
        return self._sort_pairs(stage, part=True) or moved

    def _sort_pairs(self, stage: Stage, *, part: bool) -> bool:
        touched = part_or_merge(self.engine, stage, self.progress.allowed, part=part)
        self.progress.changes += len(touched)
        self.tally.touched.extend(touched)
        return bool(touched)

    def _note(self, moves: list[Move]) -> bool:
        for move in moves:
            self.names.born(move.free, [self.names.stable_id[move.parent]])
        self.progress.changes += len(moves)
        self.tally.touched.extend(move.touched for move in moves)
        return bool(moves)

    def centre(self) -> None:
        """Bring the centres of mass of the averages to the middle."""
        sampler, engine = self.engine.sampler, self.engine
        pictures = smooth_pictures(engine, 25.0)
        members = torch.as_tensor(engine.sums.weight.sum(0))
        signs = polarity(pictures, sampler.working_pixel_a, engine.grid.mask_radius_a)
        sign = 1.0 if float((members * signs.clamp(-3.0, 3.0)).sum()) >= 0.0 else -1.0
        move = centres_a(pictures, sampler.working_pixel_a, sign)
        most = 0.3 * engine.grid.mask_radius_a
        move = move * (most / move.norm(dim=1, keepdim=True).clamp(min=1e-9)).clamp(max=1.0)
        engine.shift_classes(move.numpy())

    def follow(self, rows: NDArray[np.int64], revisits: float) -> None:
        """Take particles in that came since, and visit old ones again.

        They are looked at once to find their centres, sampled there, then visited with some old particles.
        """
        engine, rows = self.engine, self.without_strong(rows)
        for piece in pieces(len(rows), self.batch_size):
            some = rows[piece]
            find_centres(engine, some, self.images, self.wide)
            engine.bank.forget(some)
            self.tally.visits += len(some)
            old = self.stale(round(revisits * len(some)))
            self.visit_together(np.concatenate([some, old[~np.isin(old, some)]]))

    def visit_together(self, rows: NDArray[np.int64]) -> None:
        """Visit particles as one batch at the present stage."""
        rows = np.unique(rows)
        rows = rows[self.engine.bank.columns["alive"][rows]]
        if len(rows):
            self.tally.add(rows, self.engine.visit(rows, self.stage))

    def stale(self, count: int) -> NDArray[np.int64]:
        """Old particles for another visit: those long not seen, and those of uncertain class, first.

        They are chosen from a random sample, so that it costs the same however many there are.
        """
        bank = self.engine.bank
        if count <= 0 or not bank.count:
            return np.zeros(0, dtype=np.int64)
        chance = self.random(4)
        rows = np.unique(chance.integers(0, bank.count, _CANDIDATES * count))
        columns = bank.columns
        rows = rows[(columns["visits"][rows] > 0) & columns["alive"][rows].astype(np.bool_)]
        age = self.engine.batch - columns["visited"][rows].astype(np.float64)
        doubt = 1.0 - columns["probability"][rows].astype(np.float64)
        weight = np.maximum(age, 0.1) * (0.2 + doubt)
        # The largest of u^(1/w) are a sample without replacement (Efraimidis & Spirakis 2006).
        key = np.log(chance.random(len(rows))) / weight
        return np.sort(rows[np.argsort(-key, kind="stable")[:count]])

    def restructure(self) -> None:
        """Give up and split classes once there are enough new particles, and visit whom it concerns."""
        if self.usable < _STRUCTURE * self.progress.structured:
            return
        self.progress.structured = self.usable
        self.allow()
        for _ in range(2):
            before = list(self.names.stable_id)
            if not self.exchange(0.15, max(self.stage.resolution_a, 12.0)):
                return
            changed = [k for k, name in enumerate(self.names.stable_id) if name != before[k]]
            parents = {p for k in changed for p in self.names.parents[k]}
            concerned = changed + [k for k, name in enumerate(self.names.stable_id) if name in parents]
            bank = self.engine.bank
            alive = bank.column("alive") & (bank.column("visits") > 0)
            lost = alive & (bank.column("draw_weight").sum(1) < 1e-6)
            rows = np.flatnonzero((np.isin(bank.column("slot"), concerned) & alive) | lost)
            for _ in range(2):
                self.visit(self.random(5).permutation(rows)[: 4 * self.batch_size], self.stage)

    def needs_settling(self) -> bool:
        """Whether start-up is due, for the first time or again."""
        settled = self.progress.settled
        return settled == 0 or (settled < self.startup and self.usable >= _RENEWAL * settled)

    def finish(self, passes: int = 1) -> None:
        """Visit every particle again; settle first where start-up has seen too few."""
        if self.progress.settled < min(self.startup, 0.8 * self.usable):
            self.settle()
        self._sort_pairs(self.stage, part=False)
        rows = np.flatnonzero(self.engine.bank.column("alive"))
        for number in range(passes):
            self.visit(rows, self.stage)
            self.tell((number + 1) / passes, f"2D classification at {self.stage.resolution_a:.0f} Å")

    def withdraw(self, rows: NDArray[np.int64]) -> None:
        """Take particles out for good."""
        self.engine.remove(rows)
        self.engine.bank.columns["alive"][rows] = False
        self.tally.touched.append(rows)
