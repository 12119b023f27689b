"""2D classification of a particle stack, from nothing to class averages."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from frazil.compute.classify2d.bank import Bank
from frazil.compute.classify2d.engine import Engine
from frazil.compute.classify2d.outliers import STRONG
from frazil.compute.classify2d.prepared import ctf_columns, pieces
from frazil.compute.classify2d.present import present
from frazil.compute.classify2d.run import Run
from frazil.compute.classify2d.sampler import Sampler, usable
from frazil.compute.classify2d.schedule import Reach
from frazil.compute.parallel import single_threaded_torch
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.sampler import ImageStack
    from frazil.model.classes import Classification, ParticleCtf

# How far from their boxes' centres particles are looked for, mask diameters.
OFF_CENTRE = 0.14
_READ = 256
# Images up to this size stay in memory, since they are sampled several times.
_HELD_BYTES = 256e6


class Progress(Protocol):
    """Called after every step with the share of the work done (0 to 1) and what is being done."""

    def __call__(self, share: float, message: str, /) -> None:
        """Take note."""


class Samples:
    """Polar samples in memory."""

    def __init__(self, count: int, sampler: Sampler) -> None:
        grid = sampler.grid
        self._all = np.zeros((count, grid.ring_count, grid.angle_count), dtype=np.float16)

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.float16]:
        """Return samples of some rows."""
        return self._all[rows]

    def write(self, rows: NDArray[np.int64], samples: NDArray[np.float16]) -> None:
        """Set samples of some rows."""
        self._all[rows] = samples


def read_images(images: ImageStack, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Images of some rows, wherever they lie, float32."""
    if isinstance(images, np.ndarray):
        return images[rows].astype(np.float32, copy=False)
    out = np.empty((len(rows), *images.shape[1:]), dtype=np.float32)
    order = np.argsort(rows, kind="stable")
    picked = rows[order]
    # Neighbouring rows are read together.
    for run in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(picked) != 1) + 1):
        if len(run):
            block = images[int(picked[run[0]]) : int(picked[run[-1]]) + 1]
            out[order[run]] = np.asarray(block, dtype=np.float32)
    return out


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
        Where torch computes, and on how many threads (None: one).
    progress
        Called after every step.
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
    with single_threaded_torch(), torch.inference_mode():
        sampler = Sampler(
            int(images.shape[-1]),
            pixel_size_a,
            mask_diameter_a,
            max(final_resolution_a, 2.05 * pixel_size_a),
            invert=invert,
            device=device,
        )
        bank = Bank.empty()
        samples = Samples(int(images.shape[0]), sampler)
        order = np.random.default_rng(seed).permutation(int(images.shape[0]))
        rows = bank.add(len(order))
        engine = Engine(sampler, ctf.optics, bank, samples, classes, seed=seed, threads=threads or 1)
        bank.columns["key"][rows] = order
        bank.columns["half"][rows] = rows % 2
        bank.columns["ctf"][rows] = ctf_columns(ctf)[order]
        images = _judged(images, ctf, engine, order)
        radius_a = sampler.grid.mask_radius_a
        reach = Reach(initial_resolution_a, sampler.grid.resolution_a, 2.0 * OFF_CENTRE * radius_a)
        run = Run(engine, reach, lambda some: read_images(images, order[some]), autocentre=autocentre)
        if progress is not None:
            run.tell = progress
        run.settle()
        run.follow(run.unvisited, 0.0)
        run.finish()
        result = present(engine, automask=automask, by_population=True, notes=notes_on(run, classes))
    return _in_order_of_images(result, order)


def notes_on(run: Run, classes: int) -> tuple[str, ...]:
    """Say what a person should know about the particles of a run."""
    notes = []
    count, usable_count = run.engine.bank.count, run.usable
    bad = int((run.engine.bank.column("visited") == UNUSABLE).sum())
    if bad:
        notes.append(
            f"{bad} of {count} images are unusable: values not finite, all alike, or out of "
            "proportion to other images."
        )
    too_strong = int((run.engine.bank.column("visited") == STRONG).sum())
    if too_strong:
        notes.append(
            f"{too_strong} of {count} images are far stronger than the others, as ice and edges of carbon or "
            "gold are; they are in no class."
        )
    if run.progress.allowed < classes and usable_count:
        notes.append(
            f"{usable_count} usable particles support {run.progress.allowed} of the {classes} classes "
            "asked for."
        )
    return tuple(notes)


# In the column "visited": an image that can't be used.
UNUSABLE = -2


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


def _judged(images: ImageStack, ctf: ParticleCtf, engine: Engine, order: NDArray[np.int64]) -> ImageStack:
    """Tell which images can be used; returns the images: in memory, where they are few enough."""
    held = None
    if not isinstance(images, np.ndarray) and 4.0 * math.prod(images.shape) <= _HELD_BYTES:
        held = np.empty(tuple(images.shape), dtype=np.float32)
    row = np.empty_like(order)
    row[order] = np.arange(len(order))
    columns = engine.bank.columns
    for piece in pieces(len(order), _READ):
        block = np.asarray(images[piece], dtype=np.float32)
        if held is not None:
            held[piece] = block
        good = usable(block, some_ctf(ctf, piece))
        columns["alive"][row[piece]] = good
        columns["visited"][row[piece][~good]] = UNUSABLE
    return images if held is None else held


def some_ctf(ctf: ParticleCtf, rows: slice | NDArray[np.int64]) -> ParticleCtf:
    """CTF of some of the particles."""
    return replace(
        ctf,
        defocus_u_a=ctf.defocus_u_a[rows],
        defocus_v_a=ctf.defocus_v_a[rows],
        astigmatism_angle_deg=ctf.astigmatism_angle_deg[rows],
        phase_shift_deg=ctf.phase_shift_deg[rows],
    )


def _in_order_of_images(result: Classification, order: NDArray[np.int64]) -> Classification:
    row = np.empty_like(order)
    row[order] = np.arange(len(order))
    return replace(
        result,
        class_id=result.class_id[row],
        psi_deg=result.psi_deg[row],
        shift_x_a=result.shift_x_a[row],
        shift_y_a=result.shift_y_a[row],
        posterior=result.posterior[row],
        log_evidence=result.log_evidence[row],
    )
