"""The sum of a movie's frames, each put back to where the specimen was in the first one.

Frames are never interpolated: each tile is cut at the nearest whole pixel, and the rest of its displacement
becomes a phase ramp. The same pass gives every product: weighted, plain and half sums, and dose groups for
the CTF.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.device import choose_device
from frazil.compute.fourier import even_size, fourier_resize
from frazil.compute.motion.group_spectra import GroupImages
from frazil.compute.motion.sum_plan import plan_sums
from frazil.compute.motion.sums_cpu import sum_on_cpu
from frazil.compute.motion.tile_kernels import PLAIN, WEIGHTED
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.motion.prepare import PreparedMovie
    from frazil.model.motion import MotionField
    from frazil.model.periodograms import Periodograms


@dataclass(frozen=True)
class FrameSums:
    """What comes out of a movie.

    Attributes
    ----------
    micrograph
        Shape (h, w), float32: with dose weighting ``sum w F / sqrt(sum w²)`` at each frequency, which has the
        noise of one frame at every frequency; without it the plain sum in counts.
    unweighted
        Plain sum over the dose range asked for.
    odd, even
        Parts of ``micrograph`` from the 1st, 3rd, … and the 2nd, 4th, … frame; they add up to it.
    periodograms
        Power of the aligned dose groups; None if not asked for.
    pixel_size_a
        Of these images.
    frames_used
        Frames that were summed.
    """

    micrograph: NDArray[np.float32]
    unweighted: NDArray[np.float32] | None
    odd: NDArray[np.float32] | None
    even: NDArray[np.float32] | None
    periodograms: Periodograms | None
    pixel_size_a: float
    frames_used: int


def sum_frames(
    prepared: PreparedMovie,
    field: MotionField,
    *,
    pixel_size_a: float,
    voltage_kv: float,
    dose_per_frame_e_per_a2: float,
    pre_exposure_e_per_a2: float = 0.0,
    dose_weighting: bool = True,
    output_binning: float = 1.0,
    unweighted: bool = False,
    half_sums: bool = False,
    periodograms: bool = True,
    group_dose_e_per_a2: float = 4.0,
    sum_dose_range_e_per_a2: tuple[float, float] = (0.0, 0.0),
    invert: bool = False,
    device: str = "cpu",
    threads: int = 2,
    tile_size: int | None = None,
) -> FrameSums:
    """Align, weight and add the frames of a movie.

    Parameters
    ----------
    prepared
        Frames with their gain; frames marked as not good are left out.
    field
        Motion of the same frames.
    pixel_size_a
        Of the movie as stored.
    dose_per_frame_e_per_a2, pre_exposure_e_per_a2
        Zero or unknown dose: no weighting is possible, `InputError`.
    output_binning
        Any number from 1 on; the images are cropped in Fourier space to the nearest even size.
    unweighted, half_sums, periodograms
        Further products.
    group_dose_e_per_a2
        Dose of the groups whose power is averaged in the periodograms.
    sum_dose_range_e_per_a2
        Of the plain sums: frames whose middle lies between, pre-exposure included; (0, 0) means all.
    invert
        Turn the contrast round the mean, for movies with bright particles.
    device
        ``cpu``: numba, also where ``auto`` finds no GPU; anything else: torch (see
        `frazil.compute.device.choose_device`).
    tile_size
        256, 128 or another power of two; None: small enough that motion hardly varies inside a tile.

    Returns
    -------
    sums
        The result does not depend on ``threads``.
    """
    plan = plan_sums(
        prepared,
        field,
        pixel_size_a=pixel_size_a,
        voltage_kv=voltage_kv,
        dose_per_frame_e_per_a2=dose_per_frame_e_per_a2,
        pre_exposure_e_per_a2=pre_exposure_e_per_a2,
        dose_weighting=dose_weighting,
        unweighted=unweighted,
        half_sums=half_sums,
        group_dose_e_per_a2=group_dose_e_per_a2,
        sum_dose_range_e_per_a2=sum_dose_range_e_per_a2,
        tile_size=tile_size,
    )
    groups = GroupImages(plan.layout, pixel_size_a, plan.groups) if periodograms else None
    if device == "auto":
        device = choose_device(device).type
    if device == "cpu":
        products = sum_on_cpu(prepared, plan, groups, threads)
    else:
        from frazil.compute.motion.sums_torch import sum_on_device

        products = sum_on_device(prepared, plan, groups, device)
    images = dict(zip(plan.names, products, strict=True))
    for name, row in zip(plan.names, plan.selection, strict=True):
        images[name] += _level(prepared, row)
    if half_sums:
        images["even"] = images["micrograph"] - images["odd"]
    height, width = prepared.height_px, prepared.width_px
    if output_binning != 1.0:
        if not output_binning > 1.0:
            raise InputError(f"output binning {output_binning:g} is not possible; use 1 or more")
        shape = (even_size(height / output_binning), even_size(width / output_binning))
        # Counts per pixel grow with the pixel's area; a weighted image keeps the noise of one frame.
        images = {name: fourier_resize(image, shape, threads=threads) for name, image in images.items()}
        area = np.float32(output_binning**2)
        for name, row in zip((*plan.names, "even"), (*plan.selection, plan.selection[0]), strict=True):
            if name in images:
                images[name] *= area if PLAIN in row else np.float32(output_binning)
    if invert:
        images = {
            name: 2.0 * np.float32(image.mean(dtype=np.float64)) - image for name, image in images.items()
        }
    return FrameSums(
        micrograph=images["micrograph"],
        unweighted=images.get("unweighted"),
        odd=images.get("odd"),
        even=images.get("even"),
        periodograms=groups.periodograms(threads) if groups is not None else None,
        pixel_size_a=pixel_size_a * output_binning,
        frames_used=len(plan.frames_used),
    )


def _level(prepared: PreparedMovie, row: NDArray[np.uint8]) -> np.float32:
    """Return what the subtraction of the frames' means took from a product."""
    total = float(prepared.frame_means[row > 0].sum())
    weighted = row == WEIGHTED
    # At zero frequency all weights are one; the half sums share the divisor of the whole.
    return np.float32(total / np.sqrt(prepared.good.sum()) if weighted.any() else total)
