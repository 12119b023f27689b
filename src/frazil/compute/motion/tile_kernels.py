"""What is done to a tile of a movie in one go: cut, gain, window, transform, shift, weight, add."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from frazil.compute.lanes import load, multiply_add, splat, store
from frazil.compute.motion.tile_fft import split_columns
from frazil.compute.motion.tile_passes import transform

PLAIN, WEIGHTED = 1, 2


@njit(nogil=True, cache=True)
def _cut_strip(
    image: Any, gain: Any, y: int, x: int, mean: Any, window: Any, column: int, size: int, strip: Any
) -> None:
    """Sixteen columns of a tile: (pixel times gain - mean) times window; zero outside the image.

    ``y, x`` are the strip's first row and column in the image, ``column`` its place in the tile. Columns
    0 … 7 become the real, 8 … 15 the imaginary part.
    """
    height, width = image.shape
    flat = image.reshape(-1)
    flat_gain = gain.reshape(-1)
    with_gain = gain.size > 0
    first = min(max(-y, 0), size)
    last = max(min(height - y, size), first)
    nothing = splat(np.float32(0))
    for row in range(first):
        store(strip, row * 16, nothing)
        store(strip, row * 16 + 8, nothing)
    for row in range(last, size):
        store(strip, row * 16, nothing)
        store(strip, row * 16 + 8, nothing)
    if x >= 0 and x + 16 <= width:
        minus = splat(-mean)
        across_low = load(window, column)
        across_high = load(window, column + 8)
        for row in range(first, last):
            i = (y + row) * width + x
            along = splat(window[row])
            low, high = load(flat, i), load(flat, i + 8)
            if with_gain:
                low = multiply_add(low, load(flat_gain, i), minus)
                high = multiply_add(high, load(flat_gain, i + 8), minus)
            else:
                low, high = low + minus, high + minus
            store(strip, row * 16, low * (along * across_low))
            store(strip, row * 16 + 8, high * (along * across_high))
    else:
        for row in range(first, last):
            i = (y + row) * width + x
            for lane in range(16):
                value = np.float32(0)
                if 0 <= x + lane < width:
                    value = np.float32(flat[i + lane])
                    if with_gain:
                        value *= flat_gain[i + lane]
                    value = (value - mean) * window[row] * window[column + lane]
                strip[row * 16 + lane] = value


@njit(nogil=True, cache=True)
def _phases(shift: float, size: int, table: Any) -> None:
    """``exp(2 pi i k shift)`` for k = 0 … size - 1 in FFT order, (cos, sin); real at Nyquist."""
    step = 2.0 * np.pi * shift / size
    turn = complex(np.cos(step), np.sin(step))
    phase = complex(1.0, 0.0)
    for k in range(size // 2):
        table[2 * k] = phase.real
        table[2 * k + 1] = phase.imag
        other = (size - k) % size
        table[2 * other] = phase.real
        table[2 * other + 1] = -phase.imag
        phase *= turn
    table[size] = phase.real
    table[size + 1] = 0.0


@njit(nogil=True, cache=True)
def _add_block(
    blocks: Any, at: int, j: int, size: int, shifts: Any, weights: Any, weight_at: int, total: Any, to: int
) -> None:
    """Shift one block in place by its phases; add it, weighted, to a total, unless ``to`` is negative.

    ``shifts`` is (order of kx, phases along y, phases along x).
    """
    order, along, across = shifts
    cos_y = np.empty(8, dtype=np.float32)
    sin_y = np.empty(8, dtype=np.float32)
    for lane in range(8):
        # Lanes beyond Nyquist repeat what is known; their value does not matter.
        ky = min(8 * j + lane, size // 2)
        cos_y[lane] = along[2 * ky]
        sin_y[lane] = along[2 * ky + 1]
    cy, sy = load(cos_y, 0), load(sin_y, 0)
    for position in range(size):
        kx = order[position]
        cosine, sine = across[2 * kx], across[2 * kx + 1]
        cx, sx, minus = splat(cosine), splat(sine), splat(-sine)
        cos_k = multiply_add(cy, cx, sy * minus)
        sin_k = multiply_add(cy, sx, sy * cx)
        i = at + position * 16
        re, im = load(blocks, i), load(blocks, i + 8)
        shifted_re = re * cos_k - im * sin_k
        shifted_im = multiply_add(re, sin_k, im * cos_k)
        store(blocks, i, shifted_re)
        store(blocks, i + 8, shifted_im)
        if to >= 0:
            w = load(weights, weight_at + position * 8)
            o = to + position * 16
            store(total, o, multiply_add(w, shifted_re, load(total, o)))
            store(total, o + 8, multiply_add(w, shifted_im, load(total, o + 8)))


@njit(nogil=True, cache=True)
def _add_weighted(blocks: Any, at: int, weights: Any, weight_at: int, size: int, total: Any, to: int) -> None:
    for position in range(size):
        w = load(weights, weight_at + position * 8)
        i, o = at + position * 16, to + position * 16
        store(total, o, multiply_add(w, load(blocks, i), load(total, o)))
        store(total, o + 8, multiply_add(w, load(blocks, i + 8), load(total, o + 8)))


@njit(nogil=True, cache=True)
def _add_plain(blocks: Any, at: int, size: int, total: Any, to: int) -> None:
    for i in range(0, size * 16, 8):
        store(total, to + i, load(total, to + i) + load(blocks, at + i))


@njit(nogil=True, cache=True)
def _add_kept(blocks: Any, at: int, kept: Any, total: Any, to: int) -> None:
    """Add the kept positions of a block."""
    for position in kept:
        i, o = at + position * 16, to + position * 16
        store(total, o, load(total, o) + load(blocks, i))
        store(total, o + 8, load(total, o + 8) + load(blocks, i + 8))


@njit(nogil=True, cache=True)
def sum_tile(
    frames: Any,
    gain: Any,
    y: int,
    x: int,
    shift_px: Any,
    means: Any,
    groups: Any,
    selection: Any,
    weights: Any,
    window: Any,
    size: int,
    order: Any,
    place: Any,
    radices: Any,
    twiddles: Any,
    kept: Any,
    group_sums: Any,
    products: Any,
) -> None:
    """Add all frames of a tile, each shifted back to where the specimen was at first.

    Parameters
    ----------
    frames
        Shape (F, height, width), any type.
    gain
        Shape (height, width), float32, or (0, 0) for none.
    y, x
        First row and column of the tile.
    shift_px
        Shape (F, 2): displacement (x, y) of the specimen in each frame, px.
    means
        Shape (F,), float32: subtracted, and therefore what lies outside the field.
    groups
        Shape (F,): which of ``group_sums`` a frame goes to; negative: frame not used at all.
    selection
        Shape (products, F): 0, `PLAIN` or `WEIGHTED`; the first product must be weighted where any is.
    weights
        Shape (F, blocks, size, 8), float32, or empty.
    window
        Shape (size,), float32, including a factor of sqrt(1/2).
    kept
        Positions in a block that group sums need, see `frazil.compute.motion.tile_inverse.kept_positions`.
    group_sums, products
        Shape (groups, floats of the first blocks that are needed) or (0, 0), zero where not kept; and
        (products, floats): results, overwritten.
    """
    block_count = size // 16 + 1
    floats = block_count * size * 16
    strip = np.empty(size * 16, dtype=np.float32)
    blocks = np.empty(floats, dtype=np.float32)
    along = np.empty(size * 2, dtype=np.float32)
    across = np.empty(size * 2, dtype=np.float32)
    group_sums[:] = 0
    products[:] = 0
    flat_groups = group_sums.reshape(-1)
    flat_products = products.reshape(-1)
    flat_weights = weights.reshape(-1)
    group_floats = group_sums.shape[1]
    for frame in range(frames.shape[0]):
        if groups[frame] < 0:
            continue
        whole_x = int(np.rint(shift_px[frame, 0]))
        whole_y = int(np.rint(shift_px[frame, 1]))
        _phases(shift_px[frame, 0] - whole_x, size, across)
        _phases(shift_px[frame, 1] - whole_y, size, along)
        mean = means[frame]
        image = frames[frame]
        for column in range(0, size, 16):
            _cut_strip(image, gain, y + whole_y, x + whole_x + column, mean, window, column, size, strip)
            transform(strip, np.int64(0), size, radices, twiddles)
            split_columns(strip, blocks, 0, column, size, place)
        first_weighted = products.shape[0] > 0 and selection[0, frame] == WEIGHTED
        for j in range(block_count):
            at = j * size * 16
            transform(blocks, at, size, radices, twiddles)
            weight_at = (frame * block_count + j) * size * 8
            product_at = at if first_weighted else -1
            shifts = (order, along, across)
            _add_block(blocks, at, j, size, shifts, flat_weights, weight_at, flat_products, product_at)
            if at < group_floats:
                _add_kept(blocks, at, kept, flat_groups, groups[frame] * group_floats + at)
            for product in range(products.shape[0]):
                to = product * floats + at
                if selection[product, frame] == PLAIN:
                    _add_plain(blocks, at, size, flat_products, to)
                elif selection[product, frame] == WEIGHTED and product > 0:
                    _add_weighted(blocks, at, flat_weights, weight_at, size, flat_products, to)


@njit(nogil=True, cache=True)
def add_tile_power(
    image: Any,
    y: int,
    x: int,
    window: Any,
    size: int,
    place: Any,
    radices: Any,
    twiddles: Any,
    power: Any,
) -> None:
    """Add the power of one tile of an image to ``power`` = flat (blocks, size, 8).

    ``window`` includes a factor of sqrt(1/2); the result is that of the full window.
    """
    strip = np.empty(size * 16, dtype=np.float32)
    blocks = np.empty((size // 16 + 1) * size * 16, dtype=np.float32)
    no_gain = np.empty((0, 0), dtype=np.float32)
    for column in range(0, size, 16):
        _cut_strip(image, no_gain, y, x + column, np.float32(0), window, column, size, strip)
        transform(strip, np.int64(0), size, radices, twiddles)
        split_columns(strip, blocks, 0, column, size, place)
    for j in range(size // 16 + 1):
        transform(blocks, j * size * 16, size, radices, twiddles)
    for i in range((size // 16 + 1) * size):
        re, im = load(blocks, i * 16), load(blocks, i * 16 + 8)
        store(power, i * 8, multiply_add(re, re, multiply_add(im, im, load(power, i * 8))))
