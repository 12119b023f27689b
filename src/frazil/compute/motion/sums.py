"""The sum of a movie's frames, each put back to where the specimen was in the first one.

Frames are never interpolated: each tile is cut at the nearest whole pixel, and the rest of its displacement
becomes a phase ramp. The same pass gives every product: weighted, plain and half sums, and dose groups for
the CTF.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from frazil.compute.device import choose_device
from frazil.compute.fourier import even_size, fourier_resize
from frazil.compute.motion.dose import dose_groups, dose_weights, mid_frame_dose_e_per_a2
from frazil.compute.motion.group_spectra import GroupImages
from frazil.compute.motion.tile_fft import TransformPlan, transform_plan
from frazil.compute.motion.tile_kernels import PLAIN, WEIGHTED, gather_half_plane, sum_tile
from frazil.compute.motion.tiles import TileLayout, add_tile, in_order, lay_tiles, tile_window
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.motion.prepare import PreparedMovie
    from frazil.model.motion import MotionField
    from frazil.model.periodograms import Periodograms

_TILE, _SMALL_TILE = 256, 128
_OVERLAP_SHARE = 8
_LARGEST_RESIDUE_A = 0.1


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


@dataclass(frozen=True)
class SumPlan:
    """What `sum_frames` and its CUDA version have in common: where tiles lie and what is added up.

    Attributes
    ----------
    shift_px
        Shape (tiles, F, 2): displacement (x, y) at each tile, px.
    selection
        Shape (products, F): 0, `PLAIN` or `WEIGHTED`.
    dose_e_per_a2
        Shape (F,): mid-frame dose.
    groups
        Shape (F,): dose group, negative for frames that aren't used.
    """

    layout: TileLayout
    window: NDArray[np.float64]
    shift_px: NDArray[np.float64]
    names: tuple[str, ...]
    selection: NDArray[np.uint8]
    dose_e_per_a2: NDArray[np.float64]
    groups: NDArray[np.int64]
    pixel_size_a: float
    voltage_kv: float

    @property
    def frames_used(self) -> NDArray[np.int64]:
        """Numbers of the frames that are summed."""
        return np.flatnonzero(self.groups >= 0)


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
        products = _sum_on_cpu(prepared, plan, groups, threads)
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


def plan_sums(
    prepared: PreparedMovie,
    field: MotionField,
    *,
    pixel_size_a: float,
    voltage_kv: float,
    dose_per_frame_e_per_a2: float,
    pre_exposure_e_per_a2: float,
    dose_weighting: bool,
    unweighted: bool,
    half_sums: bool,
    group_dose_e_per_a2: float,
    sum_dose_range_e_per_a2: tuple[float, float],
    tile_size: int | None,
) -> SumPlan:
    """Decide on tiles, groups and products; see `sum_frames`."""
    frames = prepared.frames
    if field.frames != frames:
        raise InputError(f"{prepared.name}: motion of {field.frames} frames, but the movie has {frames}")
    if not prepared.good.any():
        raise InputError(f"{prepared.name}: no frame is usable: all are blank or saturated")
    if dose_weighting and not dose_per_frame_e_per_a2 > 0:
        raise InputError(
            f"{prepared.name}: the dose per frame is {dose_per_frame_e_per_a2:g} e/Å²; "
            "give the dose or switch dose weighting off"
        )
    dose = mid_frame_dose_e_per_a2(frames, dose_per_frame_e_per_a2, pre_exposure_e_per_a2)
    low, high = sum_dose_range_e_per_a2
    in_range = prepared.good & (dose >= low) & ((dose <= high) if high > 0 else True)
    if not in_range.any():
        raise InputError(f"{prepared.name}: no frame lies between {low:g} and {high:g} e/Å²")
    rows = {"micrograph": prepared.good * WEIGHTED if dose_weighting else in_range * PLAIN}
    if unweighted:
        rows["unweighted"] = in_range * PLAIN
    if half_sums:
        rows["odd"] = np.where(np.arange(frames) % 2 == 0, rows["micrograph"], 0)
    groups = np.full(frames, -1, dtype=np.int64)
    groups[prepared.good] = dose_groups(dose[prepared.good], group_dose_e_per_a2)
    size = tile_size or choose_tile_size(field, prepared.good)
    layout = lay_tiles(prepared.height_px, prepared.width_px, size, size // _OVERLAP_SHARE)
    centres = layout.centres_px()
    shift = field.displacement_a(centres[:, 0], centres[:, 1]) / pixel_size_a
    return SumPlan(
        layout=layout,
        window=tile_window(size, layout.overlap),
        shift_px=np.ascontiguousarray(shift.transpose(1, 0, 2)),
        names=tuple(rows),
        selection=np.stack([row.astype(np.uint8) for row in rows.values()]),
        dose_e_per_a2=dose,
        groups=groups,
        pixel_size_a=pixel_size_a,
        voltage_kv=voltage_kv,
    )


def choose_tile_size(field: MotionField, good: NDArray[np.bool_]) -> int:
    """128 where motion varies by more than 0.1 Å (rms) inside a tile of 256 pixels, else 256."""
    if field.local_nodes_a is None:
        return _TILE
    x = np.linspace(0.0, field.width_px - 1.0, 9)
    y = np.linspace(0.0, field.height_px - 1.0, 9)
    local = field.local_shift_a(*np.meshgrid(x, y))[good]
    local = local - local.mean(axis=0)
    variance = 0.0
    for axis, step in ((2, x[1] - x[0]), (1, y[1] - y[0])):
        slope = np.diff(local, axis=axis) / max(step, 1e-9)
        variance += float(np.mean(np.sum(slope**2, axis=-1))) * _TILE**2 / 12.0
    return _SMALL_TILE if np.sqrt(variance) > _LARGEST_RESIDUE_A else _TILE


def _level(prepared: PreparedMovie, row: NDArray[np.uint8]) -> np.float32:
    """Return what the subtraction of the frames' means took from a product."""
    total = float(prepared.frame_means[row > 0].sum())
    weighted = row == WEIGHTED
    # At zero frequency all weights are one; the half sums share the divisor of the whole.
    return np.float32(total / np.sqrt(prepared.good.sum()) if weighted.any() else total)


@cache
def _frequency(size: int, pixel_size_a: float) -> NDArray[np.float64]:
    """|k| in the order of the blocks: shape (blocks, size, 8), 1/Å."""
    plan = transform_plan(size)
    ky = plan.ky.reshape(plan.blocks, 1, 8)
    return np.hypot(plan.kx[None, :, None], ky) / pixel_size_a


def block_weights(plan: SumPlan) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Dose weights and the factor that gives the sum the noise of one frame, in the order of the blocks.

    Returns
    -------
    weights
        Shape (F, blocks, size, 8); empty where nothing is weighted.
    scale
        Shape (blocks, size, 8): 1 / sqrt(sum w²).
    """
    if not (plan.selection == WEIGHTED).any():
        return np.empty((0, 0, 0, 0), dtype=np.float32), np.empty((0, 0, 0), dtype=np.float32)
    frequency = _frequency(plan.layout.size, plan.pixel_size_a)
    weights = np.empty((len(plan.dose_e_per_a2), *frequency.shape), dtype=np.float32)
    total = np.zeros(frequency.shape)
    for frame, dose in enumerate(plan.dose_e_per_a2):
        weights[frame] = dose_weights(frequency, np.array([dose]), plan.voltage_kv)[0]
        if plan.groups[frame] >= 0:
            total += weights[frame].astype(np.float64) ** 2
    return weights, (1.0 / np.sqrt(np.maximum(total, 1e-30))).astype(np.float32)


def _sum_on_cpu(
    prepared: PreparedMovie, plan: SumPlan, groups: GroupImages | None, threads: int
) -> list[NDArray[np.float32]]:
    transform = transform_plan(plan.layout.size)
    weights, scale = block_weights(plan)
    window = (plan.window * np.sqrt(0.5)).astype(np.float32)
    means = prepared.frame_means.astype(np.float32)
    flat_scale = scale.reshape(-1)
    size, height, width = plan.layout.size, prepared.height_px, prepared.width_px
    floats = transform.blocks * transform.block_floats
    group_count = groups.count if groups is not None else 0

    def work(number: int) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        y, x = plan.layout.tiles[number]
        group_sums, products = buffers.take(group_count, len(plan.names), floats)
        sum_tile(
            prepared.raw,
            prepared.gain,
            y,
            x,
            plan.shift_px[number],
            means,
            plan.groups,
            plan.selection,
            weights,
            window,
            size,
            transform.order,
            transform.place,
            transform.radices,
            transform.twiddles,
            group_sums,
            products,
        )
        tiles = [
            _inverse(
                products[p : p + 1],
                flat_scale if WEIGHTED in plan.selection[p] else _NOTHING,
                size,
                transform,
            )
            for p in range(len(plan.names))
        ]
        cropped = None
        if groups is not None:
            cropped = _inverse(group_sums, _NOTHING, groups.tile_size, transform)
        buffers.give(group_sums, products)
        return np.concatenate(tiles), cropped

    buffers = _Buffers()
    images = [np.zeros((height, width), dtype=np.float32) for _ in plan.names]
    for number, (tiles, cropped) in enumerate(in_order(work, len(plan.layout.tiles), threads)):
        y, x = plan.layout.tiles[number]
        for image, tile in zip(images, tiles, strict=True):
            add_tile(image, tile, y, x)
        if groups is not None and cropped is not None:
            groups.add(number, cropped)
    return images


_NOTHING = np.empty(0, dtype=np.float32)


class _Buffers:
    """Memory that is used again: fresh pages cost more than the arithmetic on them."""

    def __init__(self) -> None:
        self._free: deque[tuple[NDArray[np.float32], NDArray[np.float32]]] = deque()

    def take(
        self, groups: int, products: int, floats: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        try:
            return self._free.pop()
        except IndexError:
            return np.empty((groups, floats), dtype=np.float32), np.empty(
                (products, floats), dtype=np.float32
            )

    def give(self, group_sums: NDArray[np.float32], products: NDArray[np.float32]) -> None:
        self._free.append((group_sums, products))


def _inverse(
    blocks: NDArray[np.float32], scale: NDArray[np.float32], size: int, plan: TransformPlan
) -> NDArray[np.float32]:
    """Tiles (n, size, size) from their blocks (n, floats), cropped in frequency to ``size``."""
    half = np.empty((len(blocks), size, size // 2 + 1), dtype=np.complex64)
    for spectrum, flat in zip(half, blocks, strict=True):
        gather_half_plane(flat, scale, plan.size, plan.place, spectrum)
    tiles: NDArray[np.float32] = scipy.fft.irfft2(half, s=(size, size), overwrite_x=True)
    tiles *= np.float32((size / plan.size) ** 2)
    # The half planes have x along their rows.
    return tiles.transpose(0, 2, 1)
