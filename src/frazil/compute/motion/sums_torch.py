"""The sum of aligned frames on a torch device: the same tiles, phases and weights as on the CPU.

Many tiles at once, one frame after the other; the transforms are torch's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from frazil.compute.device import choose_device
from frazil.compute.motion.dose import critical_dose_e_per_a2
from frazil.compute.motion.tile_kernels import PLAIN, WEIGHTED
from frazil.compute.motion.tiles import add_tile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.compute.motion.group_spectra import GroupImages
    from frazil.compute.motion.prepare import PreparedMovie
    from frazil.compute.motion.sum_plan import SumPlan

_BATCH_PIXELS = 1 << 24


def sum_on_device(
    prepared: PreparedMovie, plan: SumPlan, groups: GroupImages | None, device_name: str
) -> list[NDArray[np.float32]]:
    """Products of a plan, each (h, w), without the frames' means; fills ``groups``.

    Raises
    ------
    InputError
        The device is not there.
    """
    device = choose_device(device_name)
    size = plan.layout.size
    raw = _to_device(prepared.raw, device)
    gain = torch.from_numpy(prepared.gain).to(device) if prepared.gain.size else None
    window = torch.from_numpy(plan.window.astype(np.float32)).to(device)
    window = window[:, None] * window[None, :]
    decay, scale = _decay(plan, device)
    images = [np.zeros((prepared.height_px, prepared.width_px), dtype=np.float32) for _ in plan.names]
    tiles = plan.layout.tiles
    batch = max(1, _BATCH_PIXELS // size**2 // max(1, len(plan.names) + (groups.count if groups else 0)))
    for first in range(0, len(tiles), batch):
        numbers = range(first, min(first + batch, len(tiles)))
        corners = torch.tensor([tiles[n] for n in numbers], device=device)
        products, group_sums = _sum_batch(
            raw,
            gain,
            prepared.frame_means,
            plan,
            corners,
            plan.shift_px[first : first + batch],
            window,
            decay,
            groups,
            prepared.raw.dtype == np.uint16,
        )
        for p, image in enumerate(images):
            spectrum = products[p] * scale if WEIGHTED in plan.selection[p] else products[p]
            for n, tile in zip(numbers, _inverse(spectrum, size, size), strict=True):
                add_tile(image, tile, *tiles[n])
        if groups is not None:
            cropped = _inverse(group_sums, size, groups.tile_size)
            for i, n in enumerate(numbers):
                groups.add(n, cropped[:, i])
    return images


def _to_device(raw: NDArray[np.generic], device: torch.device) -> torch.Tensor:
    # torch can't index unsigned 16-bit numbers on every device; their bits are kept in a signed type.
    if raw.dtype == np.uint16:
        return torch.from_numpy(raw.view(np.int16)).to(device)
    return torch.from_numpy(raw).to(device)


def _decay(plan: SumPlan, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """1 / (2 N_e) at each coefficient of a half plane, and 1 / sqrt(sum w²)."""
    size = plan.layout.size
    ky = np.fft.fftfreq(size, plan.pixel_size_a)
    kx = np.fft.rfftfreq(size, plan.pixel_size_a)
    decay = 0.5 / critical_dose_e_per_a2(np.hypot(ky[:, None], kx[None, :]), plan.voltage_kv)
    total = np.zeros_like(decay)
    for frame in plan.frames_used:
        total += np.exp(-2.0 * plan.dose_e_per_a2[frame] * decay)
    scale = 1.0 / np.sqrt(np.maximum(total, 1e-30))
    return (
        torch.from_numpy(decay.astype(np.float32)).to(device),
        torch.from_numpy(scale.astype(np.float32)).to(device),
    )


def _sum_batch(
    raw: torch.Tensor,
    gain: torch.Tensor | None,
    means: NDArray[np.float64],
    plan: SumPlan,
    corners: torch.Tensor,
    shift_px: NDArray[np.float64],
    window: torch.Tensor,
    decay: torch.Tensor,
    groups: GroupImages | None,
    unsigned: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Spectra of a batch: products (products, tiles, n, n // 2 + 1) and groups (groups, tiles, …)."""
    device, size = window.device, plan.layout.size
    _, height, width = raw.shape
    half = (len(corners), size, size // 2 + 1)
    products = torch.zeros((len(plan.names), *half), dtype=torch.complex64, device=device)
    group_sums = torch.zeros((groups.count if groups else 0, *half), dtype=torch.complex64, device=device)
    inside = torch.arange(size, device=device)
    for frame in plan.frames_used:
        whole = np.rint(shift_px[:, frame])
        rest = torch.from_numpy(shift_px[:, frame] - whole).to(device)
        offset = torch.from_numpy(whole.astype(np.int64)).to(device)
        y = corners[:, 0, None] + offset[:, 1, None] + inside
        x = corners[:, 1, None] + offset[:, 0, None] + inside
        covered = ((y >= 0) & (y < height))[:, :, None] & ((x >= 0) & (x < width))[:, None, :]
        at = y.clamp(0, height - 1)[:, :, None] * width + x.clamp(0, width - 1)[:, None, :]
        values = raw[frame].reshape(-1)[at]
        tile = (values.int() & 0xFFFF).float() if unsigned else values.float()
        if gain is not None:
            tile = tile * gain.reshape(-1)[at]
        tile = torch.where(covered, tile - float(means[frame]), 0.0) * window
        spectrum = torch.fft.rfft2(tile)
        spectrum *= _ramp(rest[:, 1], size)[:, :, None] * _ramp(rest[:, 0], size)[:, None, : size // 2 + 1]
        if groups is not None:
            group_sums[int(plan.groups[frame])] += spectrum
        weighted: torch.Tensor | None = None
        for p in range(len(plan.names)):
            kind = int(plan.selection[p, frame])
            if kind == PLAIN:
                products[p] += spectrum
            elif kind == WEIGHTED:
                if weighted is None:
                    weighted = spectrum * torch.exp(decay * -float(plan.dose_e_per_a2[frame]))
                products[p] += weighted
    return products, group_sums


def _ramp(shift: torch.Tensor, size: int) -> torch.Tensor:
    """``exp(2 pi i k shift)``: shape (tiles, size), real at Nyquist as a real image needs it."""
    k = torch.fft.fftfreq(size, device=shift.device, dtype=torch.float64)
    phase = torch.exp(2j * torch.pi * k * shift[:, None])
    phase[:, size // 2] = phase[:, size // 2].real.to(phase.dtype)
    return phase.to(torch.complex64)


def _inverse(spectrum: torch.Tensor, size: int, new_size: int) -> NDArray[np.float32]:
    """Tiles (…, new_size, new_size) from half planes (…, size, size // 2 + 1), cropped in frequency."""
    if new_size < size:
        half = new_size // 2
        cropped = spectrum.new_zeros((*spectrum.shape[:-2], new_size, half + 1))
        cropped[..., :half, :half] = spectrum[..., :half, :half]
        cropped[..., 1 - half :, :half] = spectrum[..., 1 - half :, :half]
        spectrum = cropped * (new_size / size) ** 2
    tiles: NDArray[np.float32] = torch.fft.irfft2(spectrum, s=(new_size, new_size)).cpu().numpy()
    return tiles
