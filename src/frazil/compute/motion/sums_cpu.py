"""The sum of aligned frames on the CPU: one tile after the other, every frame of it in the cache."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.motion.sum_plan import block_weights
from frazil.compute.motion.tile_fft import transform_plan
from frazil.compute.motion.tile_inverse import inverse_tiles, kept_positions
from frazil.compute.motion.tile_kernels import WEIGHTED, sum_tile
from frazil.compute.motion.tiles import add_tile
from frazil.compute.parallel import in_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.motion.group_spectra import GroupImages
    from frazil.compute.motion.prepare import PreparedMovie
    from frazil.compute.motion.sum_plan import SumPlan

_NOTHING = np.empty(0, dtype=np.float32)


def sum_on_cpu(
    prepared: PreparedMovie, plan: SumPlan, groups: GroupImages | None, threads: int
) -> list[NDArray[np.float32]]:
    """Products of a plan, each (h, w), without the frames' means; fills ``groups``."""
    transform = transform_plan(plan.layout.size)
    weights, scale = block_weights(plan)
    window = (plan.window * np.sqrt(0.5)).astype(np.float32)
    means = prepared.frame_means.astype(np.float32)
    flat_scale = scale.reshape(-1)
    size, height, width = plan.layout.size, prepared.height_px, prepared.width_px
    floats = transform.blocks * transform.block_floats
    group_count = groups.count if groups is not None else 0
    coarse = transform_plan(groups.tile_size) if groups is not None else None
    group_floats = coarse.blocks * transform.block_floats if coarse is not None else 0
    kept = kept_positions(transform, coarse) if coarse is not None else np.empty(0, dtype=np.int64)

    def work(number: int) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        y, x = plan.layout.tiles[number]
        group_sums, products = buffers.take((group_count, group_floats), (len(plan.names), floats))
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
            kept,
            group_sums,
            products,
        )
        tiles = [
            inverse_tiles(
                products[p : p + 1],
                flat_scale if WEIGHTED in plan.selection[p] else _NOTHING,
                transform,
                transform,
            )
            for p in range(len(plan.names))
        ]
        cropped = None
        if coarse is not None:
            cropped = inverse_tiles(group_sums, _NOTHING, transform, coarse)
        buffers.give(group_sums, products)
        return np.concatenate(tiles), cropped

    buffers = _Buffers()
    images = [np.zeros((height, width), dtype=np.float32) for _ in plan.names]
    for number, (tiles, cropped) in enumerate(in_order(work, range(len(plan.layout.tiles)), threads)):
        y, x = plan.layout.tiles[number]
        for image, tile in zip(images, tiles, strict=True):
            add_tile(image, tile, y, x)
        if groups is not None and cropped is not None:
            groups.add(number, cropped)
    return images


class _Buffers:
    """Memory that is used again: fresh pages cost more than the arithmetic on them."""

    def __init__(self) -> None:
        self._free: deque[tuple[NDArray[np.float32], NDArray[np.float32]]] = deque()

    def take(
        self, groups: tuple[int, int], products: tuple[int, int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        try:
            return self._free.pop()
        except IndexError:
            return np.empty(groups, dtype=np.float32), np.empty(products, dtype=np.float32)

    def give(self, group_sums: NDArray[np.float32], products: NDArray[np.float32]) -> None:
        self._free.append((group_sums, products))
