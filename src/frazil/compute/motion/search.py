"""Rough shifts to start from, by cross-correlation in nats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.motion.likelihood import Frames, ring_weight
from frazil.compute.motion.spectra import MIN_LINE, Band

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_DRIFT_A = 80.0
_LOOSE_A = (4.0, 2.0, 1.0)


def first_guess(
    coarse: Frames,
    dose_end: NDArray[np.float64],
    group_dose: float,
    motion: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Rough shifts (F, 2) in Å by cross-correlation, from the calm end of the exposure to its start.

    Frames are first taken in groups of about ``group_dose``, single where motion is fast; each is found in
    the sum of what has been aligned already, within `MAX_DRIFT_A` of it. Then every frame is sought alone,
    where the others and the covariance ``motion`` (F, F) of the prior lead to expect it.
    """
    count = coarse.values.shape[0]
    coarse.move_to(np.zeros((count, 2)))
    groups = _groups(dose_end, group_dose)
    late = coarse.values[count // 2 :]
    signal = _neighbour_signal(coarse, late)
    weight = coarse.band.spread(ring_weight(signal, coarse.kept))
    shift = np.zeros((count, 2))
    total = coarse.values[groups[-1]].sum(0)
    known = list(groups[-1])
    for members in reversed(groups[:-1]):
        expected, width = _expected(motion, members, known, shift, _LOOSE_A[0])
        shift[members] = find_shift(
            coarse.band, total, coarse.values[members].sum(0), weight, expected, width
        )
        coarse.move_to(shift)
        total = total + coarse.values[members].sum(0)
        known += members
    for loose in _LOOSE_A:
        # What the other frames lead to expect of one: conditional mean and variance of a Gaussian process.
        precision = np.linalg.inv(motion + loose**2 * np.eye(count) + MAX_DRIFT_A**2)
        own = np.diag(precision)
        total = coarse.values.sum(0)
        for frame in range(count):
            others = total - coarse.values[frame]
            expected = -(precision[frame] @ (shift - shift.mean(0))) / own[frame]
            width = float(own[frame] ** -0.5)
            step = find_shift(coarse.band, others, coarse.values[frame], weight, expected, width)
            shift[frame] = shift[frame] + step
            total -= coarse.values[frame]
            coarse.move_to(shift)
            total += coarse.values[frame]
    return shift


def _expected(
    motion: NDArray[np.float64],
    members: list[int],
    known: list[int],
    shift: NDArray[np.float64],
    loose: float,
) -> tuple[NDArray[np.float64], float]:
    """Displacement (2,) to expect of a group of frames, given those known, and its standard deviation."""
    wide = motion + MAX_DRIFT_A**2
    between = wide[members][:, known].mean(0)
    gain = np.linalg.solve(wide[np.ix_(known, known)] + loose**2 * np.eye(len(known)), between)
    variance = wide[np.ix_(members, members)].mean() - gain @ between + loose**2
    return gain @ shift[known], float(np.sqrt(variance))


def _groups(dose_end: NDArray[np.float64], group_dose: float) -> list[list[int]]:
    """Consecutive frames by dose: single up to ``group_dose``, then as many as make it up."""
    groups: list[list[int]] = []
    start = 0.0
    for frame, end in enumerate(
        dose_end - dose_end[0] + (dose_end[-1] - dose_end[0]) / max(len(dose_end), 1)
    ):
        if groups and end > group_dose and end - start <= group_dose * 1.01:
            groups[-1].append(frame)
        else:
            groups.append([frame])
            start = end
    return groups


def _neighbour_signal(frames: Frames, late: torch.Tensor) -> NDArray[np.float64]:
    """Signal per ring from what neighbouring late frames share before anything is aligned."""
    kept = np.sqrt(frames.kept[-late.shape[0] :])
    pairs = max(late.shape[0] - 1, 1)
    shared = (
        sum(
            (late[i].real * late[i + 1].real + late[i].imag * late[i + 1].imag for i in range(pairs)),
            torch.zeros_like(late[0].real),
        )
        if late.shape[0] > 1
        else torch.zeros_like(late[0].real)
    )
    both = np.maximum((kept[:-1] ** 2 * kept[1:] ** 2).sum(0), 1e-9)
    raw = frames.band.ring_mean(shared) / both
    floor = 1e-4
    return np.asarray(np.maximum(raw, floor), dtype=np.float64)


def find_shift(
    band: Band,
    reference: torch.Tensor,
    image: torch.Tensor,
    weight: torch.Tensor,
    expected_a: NDArray[np.float64],
    spread_a: float,
) -> NDArray[np.float64]:
    """Displacement u (x, y) of ``image`` against ``reference``, Å: the best within `MAX_DRIFT_A`.

    The correlation is in nats, and so is the Gaussian expectation (mean, standard deviation) added to it.
    """
    product = reference.conj() * image * weight
    step_y = float(band.ky.abs().min()) / MIN_LINE
    step_x = float(band.kx.min()) / MIN_LINE
    rows = torch.round(band.ky / step_y).long()
    columns = torch.round(band.kx / step_x).long()
    height, width = 2 * int(rows.abs().max()) + 2, 2 * int(columns.max()) + 2
    plane = torch.zeros(height, width // 2 + 1, dtype=product.dtype, device=product.device)
    plane[(rows % height)[:, None], columns[None, :]] = product
    # irfft2 gives the sum over the full plane / (H W): twice the real part of our half-plane sum.
    surface = torch.fft.irfft2(plane, s=(height, width)) * (height * width)
    surface = surface.cpu().numpy().astype(np.float64)
    pixel_y, pixel_x = 1 / (step_y * height), 1 / (step_x * width)
    reach_y = min(int(MAX_DRIFT_A / pixel_y), height // 2 - 2)
    reach_x = min(int(MAX_DRIFT_A / pixel_x), width // 2 - 2)
    dy = np.arange(-reach_y, reach_y + 1)
    dx = np.arange(-reach_x, reach_x + 1)
    # conj(R) F with F = O exp(-2πi k·u) peaks at +u.
    window = surface[dy[:, None] % height, dx[None, :] % width]
    offset_y, offset_x = dy * pixel_y - expected_a[1], dx * pixel_x - expected_a[0]
    total = window - 0.5 * (offset_y[:, None] ** 2 + offset_x[None, :] ** 2) / spread_a**2
    row, column = np.unravel_index(int(np.argmax(total)), total.shape)
    return np.array(
        [
            (dx[column] + _vertex(total[row], int(column))) * pixel_x,
            (dy[row] + _vertex(total[:, column], int(row))) * pixel_y,
        ]
    )


def _vertex(line: NDArray[np.float64], at: int) -> float:
    """Offset of the top of the parabola through a maximum and its neighbours."""
    if at in (0, line.size - 1):
        return 0.0
    below, top, above = line[at - 1 : at + 2]
    bend = below - 2 * top + above
    return 0.0 if bend >= 0 else float(np.clip(0.5 * (below - above) / bend, -0.5, 0.5))
