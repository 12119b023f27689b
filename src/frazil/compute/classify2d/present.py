"""The state of a run as people and other programs want it: pictures, resolutions, poses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.classify2d.prepared import centre_a
from frazil.compute.classify2d.quality import ClassMeasures, judge
from frazil.compute.classify2d.render import low_passed, polarity, render
from frazil.compute.classify2d.sums import crossing
from frazil.model.classes import Classification

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.classify2d.engine import Engine
    from frazil.model.classes import Contrast


def present(
    engine: Engine, *, automask: bool = False, by_population: bool = False, notes: tuple[str, ...] = ()
) -> Classification:
    """Averages at the particles' pixel and a pose for every row of the bank.

    Parameters
    ----------
    engine
        After its visits.
    automask
        Narrow the averages' mask to what stands out of the solvent.
    by_population
        Number the classes from the largest on; otherwise as they lie.
    notes
        Goes on in the result's notes.
    """
    bank, sampler = engine.bank, engine.sampler
    slot = np.where(bank.column("alive"), bank.column("slot"), -1).astype(np.int64)
    population = np.bincount(slot[slot >= 0], minlength=engine.class_count)
    spectra = engine.spectra()
    averages = engine.averages(spectra)[0]
    k = engine.grid.frequencies_per_a()
    half, low = crossing(spectra.frc, k, 0.5), crossing(spectra.frc, k, 0.143)
    shown = torch.where(low.isfinite(), low, 1.0 / (2.0 * engine.grid.ring_step_per_a))
    pictures = render(
        engine.grid,
        low_passed(engine.grid, averages, shown),
        sampler.box_px,
        sampler.pixel_size_a,
        sampler.mask_norm * sampler.working_pixel_a**2,
    )
    signs = polarity(pictures, sampler.pixel_size_a, engine.grid.mask_radius_a).numpy()
    pictures[torch.as_tensor(population == 0)] = 0.0
    if automask:
        pictures = narrowed(pictures, sampler.pixel_size_a)
    evidence = np.zeros(engine.class_count)
    for filled in np.flatnonzero(population):
        evidence[filled] = np.median(bank.column("evidence")[slot == filled])
    order = np.argsort(-population, kind="stable") if by_population else np.arange(engine.class_count)
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    measures = ClassMeasures(
        pictures.numpy(),
        population,
        half.numpy(),
        evidence,
        sampler.pixel_size_a,
        engine.grid.mask_radius_a,
        number + 1,
    )
    quality, reasons = judge(measures)
    contrast, dark = _contrast(signs, population)
    member = slot >= 0
    pose = bank.column("pose")
    centre = bank.column("offset_a") + centre_a(pose)
    turn = (-np.rad2deg(pose[:, 0].astype(np.float64)) + 180.0) % 360.0 - 180.0
    return Classification(
        averages=pictures.numpy()[order],
        class_id=np.where(member, number[slot] + 1, 0).astype(np.int32),
        psi_deg=_of_members(member, turn),
        shift_x_a=_of_members(member, -centre[:, 0]),
        shift_y_a=_of_members(member, -centre[:, 1]),
        posterior=_of_members(member, bank.column("probability")),
        log_evidence=bank.column("evidence").astype(np.float32),
        population=population[order],
        resolution_a=np.where(population > 0, half.numpy(), np.inf)[order],
        resolution_143_a=np.where(population > 0, low.numpy(), np.inf)[order],
        pixel_size_a=sampler.pixel_size_a,
        notes=(*notes, *_contrast_notes(contrast, dark, population)),
        contrast=contrast,
        quality=quality[order],
        reasons=tuple(reasons[k] for k in order),
    )


def _of_members(member: NDArray[np.bool_], values: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.where(member, values, 0.0).astype(np.float32)


def _contrast(signs: NDArray[np.float32], population: NDArray[np.int64]) -> tuple[Contrast, int]:
    """Judge the sign of the averages; returns it, and how many of them look dark on bright."""
    seen = population > 0
    weighted = float((signs.clip(-3.0, 3.0) * population).sum() / max(1, population.sum()))
    dark = int(((signs < -0.3) & seen).sum())
    if weighted < -0.1:
        return "inverted", dark
    return ("mixed" if dark > 0.25 * int(seen.sum()) and int(seen.sum()) >= 4 else "right"), dark


def _contrast_notes(contrast: Contrast, dark: int, population: NDArray[np.int64]) -> list[str]:
    if contrast == "inverted":
        return [
            "The contrast looks inverted: the particles are dark on bright in most class averages; "
            "classify again with inverted contrast."
        ]
    if contrast == "mixed":
        return [
            f"{dark} of {int((population > 0).sum())} class averages look dark on bright: part of the "
            "particles may have inverted contrast."
        ]
    return []


def narrowed(pictures: torch.Tensor, pixel_size_a: float) -> torch.Tensor:
    """Soft mask around what stands out of the solvent: the smoothed absolute density above a tenth."""
    n = pictures.shape[-1]
    kx = torch.fft.rfftfreq(n, pixel_size_a)
    ky = torch.fft.fftfreq(n, pixel_size_a)
    blur = torch.exp(-0.5 * (2.0 * math.pi * 8.0) ** 2 * (kx[None] ** 2 + ky[:, None] ** 2))
    smooth = torch.fft.irfft2(torch.fft.rfft2(pictures.abs()) * blur, s=(n, n))
    above = (smooth > 0.1 * smooth.amax((1, 2), keepdim=True)).float()
    soft = torch.fft.irfft2(torch.fft.rfft2(above) * blur, s=(n, n)).clamp(0.0, 1.0)
    masked: torch.Tensor = pictures * (2.0 * soft).clamp(max=1.0)
    return masked
