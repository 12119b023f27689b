"""What is to be added up of a movie, and where: tiles, products, dose groups and weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.motion.dose import dose_groups, dose_weights, mid_frame_dose_e_per_a2
from frazil.compute.motion.tile_fft import transform_plan
from frazil.compute.motion.tile_kernels import PLAIN, WEIGHTED
from frazil.compute.motion.tiles import TileLayout, lay_tiles, tile_window
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.motion.prepare import PreparedMovie
    from frazil.model.motion import MotionField

_TILE, _SMALL_TILE = 256, 128
_OVERLAP_SHARE = 8
_LARGEST_RESIDUE_A = 0.1


@dataclass(frozen=True)
class SumPlan:
    """What the sums on CPU and GPU have in common: where tiles lie and what is added up.

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
    """Decide on tiles, groups and products; see `frazil.compute.motion.sums.sum_frames`."""
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
