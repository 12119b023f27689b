"""2D classification of a particle stack, from nothing to class averages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from frazil.compute.classify2d.engine import Engine
from frazil.compute.classify2d.maximise import crossing
from frazil.compute.classify2d.particles import ParticleStore
from frazil.compute.classify2d.polar import make_grid, shift_phases
from frazil.compute.classify2d.render import centres_a, low_passed, polarity, render
from frazil.compute.classify2d.schedule import Step, ramp
from frazil.compute.classify2d.structure import exchange
from frazil.model.classes import Classification
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from frazil.compute.classify2d.particles import ImageStack
    from frazil.model.classes import ParticleCtf

# Fewer particles than this per class are no class: small stacks get fewer classes than asked for.
_FEWEST_PER_CLASS = 12
# Start-up looks at no more than this many particles, all or per class; the last passes at all.
_STARTUP_PARTICLES = 6000
# Few classes to begin with: large ones align, and splitting finds the rest.
_FIRST_CLASSES = 4
_FIRST_MEMBERS = 300
_STARTUP_PER_CLASS = 120


class Progress(Protocol):
    """Called after every pass with the share of the work done (0 to 1) and what is being done."""

    def __call__(self, share: float, message: str, /) -> None:
        """Take note."""


def classify(
    images: ImageStack,
    ctf: ParticleCtf,
    *,
    pixel_size_a: float,
    classes: int,
    mask_diameter_a: float,
    final_resolution_a: float = 8.0,
    initial_resolution_a: float = 40.0,
    seed: int = 0,
    device: str = "cpu",
    threads: int | None = None,
    progress: Progress | None = None,
    invert: bool = False,
    autocentre: bool = True,
    automask: bool = False,
) -> Classification:
    """Classify particles in 2D by maximum likelihood, marginalised over rotation and shift.

    Parameters
    ----------
    images
        P square images, protein white, noise white; anything whose ``[i:j]`` is an array (m, n, n): an array,
        a memory map. Images with values that aren't finite, or all alike, get class 0.
    ctf
        Their CTF.
    pixel_size_a, mask_diameter_a
        Å.
    classes
        K; a small stack fills fewer, the rest stay empty.
    final_resolution_a, initial_resolution_a
        Where the ramp of resolution ends and starts, Å; the end is never finer than 2.05 pixels.
    seed
        Same seed, same result.
    device, threads
        Where torch computes, and on how many CPU threads (None: as torch is set).
    progress
        Called after every pass.
    invert
        The protein is dark: turn the sign of the images.
    autocentre
        Centre the class averages.
    automask
        Narrow the final averages' mask to what stands out of the solvent.

    Returns
    -------
    Classification
        Averages at the particles' pixel, zero where empty; poses in RELION's convention.

    Raises
    ------
    InputError
        If sizes don't fit together or a setting makes no sense.
    """
    _check(images, ctf, pixel_size_a, classes, mask_diameter_a)
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            job = _Job(
                images, ctf, pixel_size_a, classes, mask_diameter_a, final_resolution_a, seed, device, invert
            )
            if job.engine is None:
                return job.nothing()
            job.run(
                ramp(initial_resolution_a, job.final_resolution_a, job.off_centre_a), autocentre, progress
            )
            return job.result(automask)
    finally:
        torch.set_num_threads(before)


def _check(
    images: ImageStack, ctf: ParticleCtf, pixel_size_a: float, classes: int, mask_diameter_a: float
) -> None:
    shape = tuple(int(n) for n in images.shape)
    if len(shape) != 3 or shape[1] != shape[2] or shape[1] < 8:
        raise InputError(f"particle images of shape {shape}: a stack (P, n, n) of square images is needed")
    if len(ctf.defocus_u_a) != shape[0]:
        raise InputError(f"{shape[0]} particle images but the CTF of {len(ctf.defocus_u_a)} particles")
    for name, value in (("pixel_size_a", pixel_size_a), ("mask_diameter_a", mask_diameter_a)):
        if not (math.isfinite(value) and value > 0.0):
            raise InputError(f"{name} = {value}: must be positive")
    if classes < 1:
        raise InputError(f"classes = {classes}: at least one is needed")


class _Job:
    """One classification on its way."""

    def __init__(
        self,
        images: ImageStack,
        ctf: ParticleCtf,
        pixel_size_a: float,
        classes: int,
        mask_diameter_a: float,
        final_resolution_a: float,
        seed: int,
        device: str,
        invert: bool,
    ) -> None:
        self.count, self.box_px = int(images.shape[0]), int(images.shape[-1])
        self.pixel_size_a, self.classes = pixel_size_a, classes
        self.final_resolution_a = max(final_resolution_a, 2.05 * pixel_size_a)
        field_a = self.box_px * pixel_size_a
        diameter_a = min(mask_diameter_a, 0.95 * field_a)
        edge_a = min(max(4.0 * pixel_size_a, 0.1 * diameter_a), field_a - diameter_a)
        grid = make_grid(0.5 * diameter_a, edge_a, self.final_resolution_a)
        self.off_centre_a = 0.14 * diameter_a
        self.notes: list[str] = []
        self.rng = np.random.default_rng(seed)
        order = self.rng.permutation(self.count)
        self.store = ParticleStore(images, ctf, grid, pixel_size_a, order, invert=invert, device=device)
        usable = self.store.usable
        if usable < self.count:
            self.notes.append(
                f"{self.count - usable} of {self.count} images are unusable: values not finite, or all alike."
            )
        self.used_classes = max(1, min(classes, usable // _FEWEST_PER_CLASS))
        self.startup = min(usable, max(_STARTUP_PARTICLES, _STARTUP_PER_CLASS * self.used_classes))
        per_fold = max(1, min(math.ceil(self.startup / 10), max(500, 10 * self.used_classes)))
        folds = min(usable, max(2, math.ceil(usable / per_fold))) if usable else 0
        self.engine = Engine(self.store, folds, self.used_classes) if usable else None
        if self.used_classes < classes:
            self.notes.append(
                f"{usable} usable particles support {self.used_classes} of the {classes} classes asked for."
            )
        self.sign = 1.0

    def run(self, steps: list[Step], autocentre: bool, progress: Progress | None) -> None:
        """Go through all stages."""
        engine = self.engine
        if engine is None:
            return
        total = sum(s.passes + 2 * s.exchanges for s in steps)
        done = 0
        startup_folds = [f for f, fold in enumerate(engine.folds) if fold.start < self.startup]
        self.store.sample()
        self._seed(engine, steps[0])
        for step in steps:
            folds = list(range(len(engine.folds))) if step.whole else startup_folds
            if step.restart:
                self.store.offset_a.zero_()
                self.store.sample()
            for _ in range(step.passes):
                engine.run_pass(step.stage, folds)
                done += 1
                self._tell(progress, done / total, step)
            for _ in range(step.exchanges):
                moved = exchange(engine, max(1, round(step.exchange_share * engine.class_count)))
                done += 2
                if not moved:
                    continue
                for _ in range(2):
                    engine.run_pass(step.stage, folds)
                self._tell(progress, done / total, step)
            if step is not steps[-1]:
                if autocentre:
                    self._centre(engine)
                engine.recentre(0.2 * 2.0 * self.store.grid.mask_radius_a)

    def _tell(self, progress: Progress | None, share: float, step: Step) -> None:
        if progress is not None:
            progress(min(1.0, share), f"2D classification at {step.stage.resolution_a:.0f} Å")

    def _seed(self, engine: Engine, step: Step) -> None:
        """Averages of random subsets, each particle at a random angle."""
        engine.use_resolution(step.stage.resolution_a)
        engine.measure_noise()
        count = self.store.usable
        engine.poses.angle_rad[:] = torch.as_tensor(self.rng.uniform(0.0, 2.0 * math.pi, count))
        first = min(engine.class_count, max(_FIRST_CLASSES, self.startup // _FIRST_MEMBERS))
        index = torch.as_tensor(self.rng.integers(0, first, count))
        index[self.startup :] = -1
        engine.rebuild(index, engine.class_count)

    def _pictures(self, engine: Engine, resolution_a: float) -> torch.Tensor:
        averages = engine.averages(engine.spectra())[0]
        limits = torch.full((engine.class_count,), resolution_a, dtype=torch.float64)
        store = self.store
        return render(
            engine.grid,
            low_passed(engine.grid, averages, limits),
            store.working_box_px,
            store.working_pixel_a,
            store.mask_norm * store.working_pixel_a**2,
        )

    def _centre(self, engine: Engine) -> None:
        """Bring the centres of mass of the averages to the middle."""
        pictures = self._pictures(engine, 25.0)
        members = engine.sums.weight.sum(0).cpu()
        signs = polarity(pictures, self.store.working_pixel_a, self.store.grid.mask_radius_a)
        self.sign = 1.0 if float((members * signs.clamp(-3.0, 3.0)).sum()) >= 0.0 else -1.0
        move = centres_a(pictures, self.store.working_pixel_a, self.sign)
        length = move.norm(dim=1, keepdim=True)
        most = 0.15 * 2.0 * self.store.grid.mask_radius_a
        move = move * (most / length.clamp(min=1e-9)).clamp(max=1.0)
        phases = shift_phases(engine.grid, move).conj().to(torch.complex64)
        engine.sums.num *= phases[None]
        index = engine.poses.class_index
        member = index >= 0
        engine.poses.shift_a[member] += move.cpu()[index[member]]

    def result(self, automask: bool) -> Classification:
        """Averages and poses as the world wants them."""
        engine, store = self.engine, self.store
        if engine is None:
            return self.nothing()
        spectra = engine.spectra()
        averages = engine.averages(spectra)[0]
        k = engine.grid.frequencies_per_a()
        half = crossing(spectra.frc, k, 0.5)
        low = crossing(spectra.frc, k, 0.143)
        shown = torch.where(low.isfinite(), low, 1.0 / (2.0 * engine.grid.ring_step_per_a))
        pictures = render(
            engine.grid,
            low_passed(engine.grid, averages, shown),
            self.box_px,
            self.pixel_size_a,
            store.mask_norm * store.working_pixel_a**2,
        )
        index = engine.poses.class_index
        used = engine.class_count
        population = torch.bincount(index[index >= 0], minlength=used)
        signs = polarity(pictures, self.pixel_size_a, store.grid.mask_radius_a)
        self._judge_contrast(signs, population)
        pictures[population == 0] = 0.0
        if automask:
            pictures = _narrowed(pictures, self.pixel_size_a)
        order = torch.argsort(population, descending=True, stable=True)
        rank = torch.empty_like(order)
        rank[order] = torch.arange(used)
        return self._assembled(pictures[order].cpu(), rank, population[order], half[order], low[order])

    def _judge_contrast(self, signs: torch.Tensor, population: torch.Tensor) -> None:
        seen = population > 0
        weighted = float((signs.clamp(-3.0, 3.0) * population).sum() / population.sum().clamp(min=1))
        dark = int(((signs < -0.3) & seen).sum())
        if weighted < -0.1:
            self.notes.append(
                "The contrast looks inverted: the particles are dark on bright in most class averages; "
                "classify again with inverted contrast."
            )
        elif dark > 0.25 * int(seen.sum()) and int(seen.sum()) >= 4:
            self.notes.append(
                f"{dark} of {int(seen.sum())} class averages look dark on bright: part of the particles may "
                "have inverted contrast."
            )

    def _assembled(
        self,
        pictures: torch.Tensor,
        rank: torch.Tensor,
        population: torch.Tensor,
        half: torch.Tensor,
        low: torch.Tensor,
    ) -> Classification:
        engine, store = self.engine, self.store
        out = self.nothing()
        if engine is None:
            return out
        used = engine.class_count
        out.averages[:used] = pictures.numpy()
        out.population[:used] = population.numpy()
        alive = population.numpy() > 0
        out.resolution_a[:used] = np.where(alive, half.numpy(), np.inf)
        out.resolution_143_a[:used] = np.where(alive, low.numpy(), np.inf)
        rows = store.rows[: store.usable]
        poses = engine.poses
        member = poses.class_index >= 0
        best = poses.class_index.clamp(min=0)
        out.class_id[rows] = torch.where(member, rank[best] + 1, 0).to(torch.int32).numpy()
        centre = store.offset_a + poses.centre_a()
        turn = (-torch.rad2deg(poses.angle_rad) + 180.0) % 360.0 - 180.0
        out.psi_deg[rows] = torch.where(member, turn, 0.0).float().numpy()
        out.shift_x_a[rows] = torch.where(member, -centre[:, 0], 0.0).float().numpy()
        out.shift_y_a[rows] = torch.where(member, -centre[:, 1], 0.0).float().numpy()
        chosen = poses.probability.gather(1, best[:, None])[:, 0]
        out.posterior[rows] = torch.where(member, chosen, 0.0).numpy()
        out.log_evidence[rows] = poses.evidence.float().numpy()
        return out

    def nothing(self) -> Classification:
        """No class, no member."""
        p, k, n = self.count, self.classes, self.box_px
        return Classification(
            averages=np.zeros((k, n, n), dtype=np.float32),
            class_id=np.zeros(p, dtype=np.int32),
            psi_deg=np.zeros(p, dtype=np.float32),
            shift_x_a=np.zeros(p, dtype=np.float32),
            shift_y_a=np.zeros(p, dtype=np.float32),
            posterior=np.zeros(p, dtype=np.float32),
            log_evidence=np.zeros(p, dtype=np.float32),
            population=np.zeros(k, dtype=np.int64),
            resolution_a=np.full(k, np.inf),
            resolution_143_a=np.full(k, np.inf),
            pixel_size_a=self.pixel_size_a,
            notes=tuple(self.notes),
        )


def _narrowed(pictures: torch.Tensor, pixel_size_a: float) -> torch.Tensor:
    """Soft mask around what stands out of the solvent: the smoothed absolute density above a tenth."""
    n = pictures.shape[-1]
    kx = torch.fft.rfftfreq(n, pixel_size_a, device=pictures.device)
    ky = torch.fft.fftfreq(n, pixel_size_a, device=pictures.device)
    blur = torch.exp(-0.5 * (2.0 * math.pi * 8.0) ** 2 * (kx[None] ** 2 + ky[:, None] ** 2))
    smooth = torch.fft.irfft2(torch.fft.rfft2(pictures.abs()) * blur, s=(n, n))
    above = (smooth > 0.1 * smooth.amax((1, 2), keepdim=True)).float()
    soft = torch.fft.irfft2(torch.fft.rfft2(above) * blur, s=(n, n)).clamp(0.0, 1.0)
    narrowed: torch.Tensor = pictures * (2.0 * soft).clamp(max=1.0)
    return narrowed
