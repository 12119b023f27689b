"""A movie in memory, ready to be aligned and summed: decoded, checked, repaired, binned."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.compute.motion.binned import BinnedFrames
from frazil.compute.motion.frame_kernels import clean_gain, mean_gain, share_at_ceiling, sum_rows
from frazil.compute.motion.hot_pixels import find_bad_pixels, good_neighbours, repair_frame
from frazil.compute.motion.torn_frames import row_statistics, rows_apart, torn_frames
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from frazil.model.movie import MovieSource

_ALIGNED_PIXEL_A = 3.4
_FINEST_PIXEL_A = 2.0
_SMALL_FRAME_PX = 500_000
_TINY_FRAME_PX, _TINY_PIXEL_A = 1_250_000, 0.7
_LARGEST_BINNING = 16
_STRONG_GAIN = 0.10
_USABLE_MEAN = (0.3, 3.0)
_SATURATED_SHARE = 0.02
_REACH_PX, _LEAST_NEIGHBOURS = 2, 7
_SEED_STEP = 0x5851F42D4C957F2D
# What a kernel is compiled for; anything else is kept as float32.
_NATIVE = ("uint8", "int8", "uint16", "int16", "float32")


@dataclass
class PreparedMovie:
    """Frames of a movie and what was found out about them.

    Attributes
    ----------
    raw
        Shape (F, h, w), in the camera's own type, bad pixels replaced.
    gain
        Shape (h, w), float32, what a pixel is to be multiplied with, 1 on average; (0, 0) if there is none.
    binned
        The same frames as alignment sees them.
    good
        Shape (F,): False for frames that are blank, torn, saturated or not finite.
    frame_means, frame_stds
        Shape (F,): mean and standard deviation of the gain-corrected pixels (the latter from binned frames,
        per pixel, if neighbours are independent).
    bad_pixels
        Shape (n, 2): (x, y) of the pixels that were replaced.
    gain_spread
        Typical deviation of a pixel's sum in units of its Poisson noise: 1 for a counting camera with the
        right gain, more where fixed pattern is left.
    gain_correlation
        Correlation of the gain-corrected sum with the gain: near 0 if the gain is right, positive where it
        brought the pattern in instead of taking it away (wrong orientation, inverted, applied twice).
    first_frame
        Number of the first frame in the file that was used, from 0.
    notes
        Findings for the log.
    """

    name: str
    raw: NDArray[Any]
    gain: NDArray[np.float32]
    binned: BinnedFrames
    good: NDArray[np.bool_]
    frame_means: NDArray[np.float64]
    frame_stds: NDArray[np.float64]
    bad_pixels: NDArray[np.int64]
    gain_spread: float
    gain_correlation: float
    first_frame: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def frames(self) -> int:
        """Number of frames F."""
        return int(self.raw.shape[0])

    @property
    def height_px(self) -> int:
        """Rows of a frame."""
        return int(self.raw.shape[1])

    @property
    def width_px(self) -> int:
        """Columns of a frame."""
        return int(self.raw.shape[2])

    @property
    def mean_per_pixel(self) -> float:
        """Mean of a gain-corrected pixel over the good frames together: e/px for a counting camera."""
        return float(self.frame_means[self.good].sum())


def choose_binning(pixel_size_a: float, frame_px: int | None = None) -> int:
    """Return the whole number b that brings the pixel closest to 3.4 Å without passing it.

    A small field shows few particles, of which no detail can be spared: frames of ``frame_px`` pixels are
    binned less, down to 2 Å, while half a million pixels are left or fewer, and those of some 1024 x 1024
    pixels down to 0.7 Å, for the detail in which ice shows.
    """
    if not pixel_size_a > 0:
        raise InputError(f"the pixel size is {pixel_size_a:g} Å; it must be positive")
    binning = int(np.clip(np.floor(_ALIGNED_PIXEL_A / pixel_size_a + 1e-6), 1, _LARGEST_BINNING))
    if frame_px is None:
        return binning
    tiny = frame_px <= _TINY_FRAME_PX
    finest_a = _TINY_PIXEL_A if tiny else _FINEST_PIXEL_A
    while (
        binning > 1
        and (binning - 1) * pixel_size_a >= finest_a - 1e-6
        and (tiny or frame_px <= _SMALL_FRAME_PX * (binning - 1) ** 2)
    ):
        binning -= 1
    return binning


def prepare_movie(
    source: MovieSource,
    *,
    gain: NDArray[np.floating[Any]] | Callable[[], NDArray[np.floating[Any]]] | None = None,
    defects: NDArray[np.bool_] | None = None,
    binning: int = 4,
    hot_pixel_sigma: float = 6.0,
    first_frame: int = 0,
    last_frame: int | None = None,
    threads: int = 2,
) -> PreparedMovie:
    """Read all frames and make them fit for alignment.

    Parameters
    ----------
    source
        The movie.
    gain
        Shape (h, w), multiplicative; zero, negative or not finite: defect. Its level is divided out. Or
        what reads it, called on one of the threads while others read frames.
    defects
        Shape (h, w), True where the camera is known to be bad.
    binning
        Of the frames for alignment, see `choose_binning`.
    hot_pixel_sigma
        Threshold; 0 switches the search off.
    first_frame, last_frame
        Range to use, from 0, both included; None: to the end.
    threads
        The result does not depend on it.

    Raises
    ------
    InputError
        Gain or defects of another size, no frames in the range, no good pixel, or a frame that can't be read.
    """
    height, width = source.height_px, source.width_px
    count = source.frames
    last = count - 1 if last_frame is None else min(last_frame, count - 1)
    if first_frame < 0 or first_frame > last:
        raise InputError(
            f"{source.name}: frames {first_frame + 1} to {last + 1} are asked for, but it has {count} frames"
        )
    if isinstance(gain, np.ndarray):
        _check_shape(source, "gain reference", gain)
    if defects is not None:
        _check_shape(source, "defect map", defects)
    frames = last - first_frame + 1
    native = source.dtype.name in _NATIVE
    raw = np.empty((frames, height, width), dtype=source.dtype if native else np.float32)
    step = rows_apart(height)
    rows = np.empty((2, frames, -(-height // step)))

    def read(index: int) -> None:
        if native:
            source.read_frame(first_frame + index, raw[index])
        else:
            raw[index] = source.read_frame(first_frame + index)
        row_statistics(raw[index], step, rows[0, index], rows[1, index])

    with ThreadPoolExecutor(max(threads, 1)) as pool:
        waiting = pool.submit(_normalised_gain, source, gain, defects)
        list(pool.map(read, range(frames)))
        torn = torn_frames(rows[0], rows[1], width, step)
        for f in torn:
            # What is garbage must not make its rows look bad in the others, too.
            raw[f] = 0
        flat = waiting.result()
        factors, strong = _binned_gain(flat, binning)
        total = np.empty((height, width), dtype=np.float32)
        bands = [slice(y, min(y + 64, height)) for y in range(0, height, 64)]
        list(pool.map(lambda band: sum_rows(raw, band.start, band.stop, total), bands))
        bad, spread = _bad_pixels(total, flat, defects, hot_pixel_sigma, threads)
        if bad.all():
            raise InputError(f"{source.name}: all pixels are bad by the gain reference or the defect map")
        correlation = _gain_correlation(total, flat, bad)
        # Most rows have none.
        some = np.flatnonzero(bad.any(axis=1))
        y, x = np.nonzero(bad[some])
        y = some[y]
        if len(y):
            _replace(raw, bad, y, x, first_frame, pool)
            if flat is not None:
                flat[bad] = 1.0
        no_gain = np.empty((0, 0), dtype=np.float32)
        pixel_gain = flat if flat is not None and strong else no_gain
        ceiling = np.array(list(pool.map(share_at_ceiling, raw)))
    binned = BinnedFrames.measured(raw, pixel_gain, factors, binning, threads)
    means = binned.means / binning**2
    where = {
        f: (first * step + 1, min((last + 1) * step, height))
        for f, (first, last) in torn.items()
        if rows[1, f].any()  # else it is blank
    }
    good, notes = _usable(means, binned.stds, ceiling, first_frame, where)
    if 2 * len(torn) > frames:
        raise InputError(f"{source.name}: the file is damaged, copy it again; {notes[0]}")
    return PreparedMovie(
        name=source.name,
        raw=raw,
        gain=flat if flat is not None else no_gain,
        binned=binned,
        good=good,
        frame_means=means,
        frame_stds=binned.stds / binning,
        bad_pixels=np.stack([x, y], axis=-1).astype(np.int64),
        gain_spread=spread,
        gain_correlation=correlation,
        first_frame=first_frame,
        notes=notes,
    )


def _check_shape(source: MovieSource, what: str, array: NDArray[Any]) -> None:
    if array.shape != (source.height_px, source.width_px):
        raise InputError(
            f"{source.name}: frames have {source.width_px} x {source.height_px} pixels, the {what} "
            f"{array.shape[-1]} x {array.shape[0]}; turn it, or use the one that belongs to this camera mode"
        )


def _normalised_gain(
    source: MovieSource,
    gain: NDArray[np.floating[Any]] | Callable[[], NDArray[np.floating[Any]]] | None,
    defects: NDArray[np.bool_] | None,
) -> NDArray[np.float32] | None:
    """Copy the gain: one on average over the good pixels, zero at the bad ones."""
    if gain is None and defects is None:
        return None
    if callable(gain):
        gain = gain()
        _check_shape(source, "gain reference", gain)
    shape = source.height_px, source.width_px
    flat = np.ones(shape, dtype=np.float32) if gain is None else np.array(gain, dtype=np.float32)
    if defects is not None:
        flat[defects] = 0.0
    level, usable = clean_gain(flat)
    if usable == 0:
        raise InputError(f"{source.name}: all pixels are bad by the gain reference or the defect map")
    flat /= np.float32(level / usable)
    return flat


def _bad_pixels(
    total: NDArray[np.float32],
    flat: NDArray[np.float32] | None,
    defects: NDArray[np.bool_] | None,
    sigma: float,
    threads: int,
) -> tuple[NDArray[np.bool_], float]:
    bad, spread = find_bad_pixels(total, flat, sigma if sigma > 0 else float("inf"), threads)
    if sigma <= 0:
        bad = np.zeros(total.shape, dtype=np.bool_) if flat is None else flat <= 0
    if defects is not None:
        bad |= defects
    return bad, spread


def _replace(
    raw: NDArray[Any],
    bad: NDArray[np.bool_],
    y: NDArray[np.int64],
    x: NDArray[np.int64],
    first_frame: int,
    pool: ThreadPoolExecutor,
) -> None:
    table, count = good_neighbours(bad, y, x, _REACH_PX, _LEAST_NEIGHBOURS)
    positions = y * bad.shape[1] + x
    good = np.flatnonzero(~bad[:: max(1, bad.shape[0] // 97)].reshape(-1))
    rows = bad[:: max(1, bad.shape[0] // 97)].shape[1]
    step = max(1, bad.shape[0] // 97)
    good = (good // rows) * step * rows + good % rows
    if len(good) == 0:
        good = np.flatnonzero(~bad)
    elsewhere = good[:: max(1, len(good) // 65536)]

    def repair(f: int) -> None:
        seed = ((first_frame + f + 1) * _SEED_STEP) & 0x7FFFFFFFFFFFFFFF
        repair_frame(raw[f], positions, table, count, elsewhere, seed)

    list(pool.map(repair, range(len(raw))))


def _gain_correlation(
    total: NDArray[np.float32], flat: NDArray[np.float32] | None, bad: NDArray[np.bool_]
) -> float:
    """Correlation of the corrected sum with the gain over good pixels, both without their row-wise trends."""
    if flat is None:
        return float("nan")
    rows = slice(None, None, max(1, total.shape[0] // 128))
    good = ~bad[rows]
    corrected = np.where(good, total[rows] * flat[rows], 0.0).astype(np.float64)
    pattern = np.where(good, flat[rows], 0.0).astype(np.float64)
    # Differences of neighbours: the specimen is smooth there, the camera's pattern isn't.
    pairs = good[:, 1:] & good[:, :-1]
    a, b = np.diff(corrected, axis=1)[pairs], np.diff(pattern, axis=1)[pairs]
    scale = float(np.sqrt((a * a).mean() * (b * b).mean())) if len(a) else 0.0
    return float((a * b).mean() / scale) if scale > 0 else 0.0


def _usable(
    means: NDArray[np.float64],
    stds: NDArray[np.float64],
    ceiling: NDArray[np.float64],
    first_frame: int,
    torn: Mapping[int, tuple[int, int]],
) -> tuple[NDArray[np.bool_], list[str]]:
    """Which frames show what the others show."""
    notes = []
    finite = np.isfinite(means) & np.isfinite(stds)
    alive = finite & (stds > 0)
    typical = float(np.median(means[alive])) if alive.any() else 0.0
    good = alive.copy()
    # Where frames have no level to speak of (filtered, mean removed), it can't tell anything.
    if typical > 0.02 * (float(np.median(stds[alive])) if alive.any() else 0.0):
        good &= (means > _USABLE_MEAN[0] * typical) & (means < _USABLE_MEAN[1] * typical)
    good &= ceiling <= _SATURATED_SHARE
    for f in np.flatnonzero(~good).tolist():
        if f in torn:
            first, last = torn[f]
            reason = f"is torn: rows {first} to {last} are not finite or not what other frames show there"
        elif not finite[f]:
            reason = "has pixels that are not finite"
        elif ceiling[f] > _SATURATED_SHARE:
            reason = f"is saturated ({100 * ceiling[f]:.0f} % of its pixels)"
        elif stds[f] == 0:
            reason = "is blank"
        else:
            reason = f"has a mean of {means[f]:.3g} where {typical:.3g} is usual"
        notes.append(f"frame {first_frame + f + 1} is left out: it {reason}")
    return good, notes


def _binned_gain(flat: NDArray[np.float32] | None, binning: int) -> tuple[NDArray[np.float32], bool]:
    """Mean gain of each block of b x b pixels, and whether the gain varies too much for that to do."""
    nothing = np.empty((0, 0), dtype=np.float32)
    if flat is None:
        return nothing, False
    height, width = flat.shape
    rows, columns = height // binning, width // binning
    sample = flat[:: max(1, height // 256)]
    sample = sample[sample > 0]
    if len(sample) == 0 or rows == 0 or columns == 0 or float(sample.std()) > _STRONG_GAIN:
        return nothing, True
    blocks = np.empty((rows, columns), dtype=np.float32)
    mean_gain(flat, binning, blocks)
    return blocks, False
