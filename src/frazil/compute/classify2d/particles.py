"""Particles as polar Fourier samples: read, judged, normalised, centred, masked, sampled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from frazil.compute.classify2d.polar import PolarGrid, harmonics, sampling_rows, soft_mask
from frazil.compute.classify2d.transfer import SQUARE_ORDERS, PolarTransfer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.model.classes import ParticleCtf

# Bytes of the sampling matrix held at a time, and of the images read at a time.
_MATRIX_BYTES = 96e6
_BLOCK_BYTES = 48e6
# Up to this size, what a stage needs of all particles is kept between passes.
_PREPARED_BYTES = 800e6


class ImageStack(Protocol):
    """P square images: ``stack[i:j]`` is an array of shape (j - i, n, n)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(P, n, n)."""

    def __getitem__(self, key: slice, /) -> NDArray[np.floating]:
        """Images of some rows."""


def working_box(box_px: int, pixel_size_a: float, resolution_a: float) -> int:
    """Even box after Fourier cropping that still holds the resolution with a margin."""
    wanted = 2 * math.ceil(0.5 * box_px * pixel_size_a / (0.42 * resolution_a))
    return box_px if wanted > 0.9 * box_px else wanted


class ParticleStore:
    """Polar samples of particles around their present centres, in the order in which they are visited.

    Attributes
    ----------
    rows
        Shape (P,): which image of the stack each is; particles that can't be used come last.
    usable
        How many of them, from the front, can be used.
    offset_a
        Shape (P, 2): centre relative to the box's, (x, y) in Å, image frame; the samples are taken there.
    samples
        Shape (P, R, Q/2, 2), float16: X, normalised so that white noise of unit variance has E|X|² = 1.
    mask_area_a2
        L² = px² Σ m².
    """

    def __init__(
        self,
        images: ImageStack,
        ctf: ParticleCtf,
        grid: PolarGrid,
        pixel_size_a: float,
        rows: NDArray[np.int64],
        *,
        invert: bool = False,
        device: torch.device | str = "cpu",
    ) -> None:
        self.images, self.ctf, self.grid = images, ctf, grid
        self.pixel_size_a, self.invert = pixel_size_a, invert
        self.device = torch.device(device)
        self.box_px = int(images.shape[-1])
        self.rows = rows
        self.working_box_px = working_box(self.box_px, pixel_size_a, grid.resolution_a)
        self.working_pixel_a = self.box_px * pixel_size_a / self.working_box_px
        mask = soft_mask(self.working_box_px, self.working_pixel_a, grid.mask_radius_a, grid.mask_edge_a)
        inside = mask.reshape(-1) > 0
        self._inside = inside.nonzero().reshape(-1).to(self.device)
        self._mask = mask.reshape(-1)[inside].to(torch.float32).to(self.device)
        self.mask_norm = float(mask.square().sum().sqrt())
        self.mask_area_a2 = self.working_pixel_a**2 * self.mask_norm**2
        self._prepared: tuple[PolarGrid, tuple[torch.Tensor, torch.Tensor, torch.Tensor]] | None = None
        usable = self._judge()
        self.rows = np.concatenate([rows[usable], rows[~usable]])
        self.usable = int(usable.sum())
        self.offset_a = torch.zeros((self.usable, 2), dtype=torch.float64)
        self.samples = torch.zeros(
            (self.usable, grid.ring_count, grid.angle_count // 2, 2), dtype=torch.float16, device=self.device
        )
        self.transfer = PolarTransfer.of(ctf, self.rows[: self.usable], self.device)

    def _judge(self) -> NDArray[np.bool_]:
        """Which rows hold a finite image that isn't constant, with a finite CTF."""
        good = np.zeros(int(self.images.shape[0]), dtype=bool)
        step = max(1, int(_BLOCK_BYTES / (4 * self.box_px**2)))
        for start in range(0, len(good), step):
            block = np.asarray(self.images[start : start + step], dtype=np.float32)
            low, high = block.min(axis=(1, 2)), block.max(axis=(1, 2))
            good[start : start + step] = np.isfinite(low) & np.isfinite(high) & (high > low)
        c = self.ctf
        for values in (c.defocus_u_a, c.defocus_v_a, c.astigmatism_angle_deg, c.phase_shift_deg):
            good &= np.isfinite(values)
        return good[self.rows]

    def sample(self) -> None:
        """Take all samples around the present centres."""
        self._prepared = None
        order = np.argsort(self.rows[: self.usable], kind="stable")
        step = max(1, int(_BLOCK_BYTES / (16 * self.box_px**2)))
        for start in range(0, self.usable, step):
            places = order[start : start + step]
            picked = self.rows[places]
            first, last = int(picked[0]), int(picked[-1]) + 1
            # A sparse choice of rows is read row by row rather than with everything between.
            if last - first <= 4 * len(picked):
                block = np.asarray(self.images[first:last], dtype=np.float32)[picked - first]
            else:
                parts = [np.asarray(self.images[int(r) : int(r) + 1], dtype=np.float32) for r in picked]
                block = np.concatenate(parts)
            index = torch.as_tensor(places)
            self._sample_block(torch.as_tensor(block, device=self.device), index)

    def _sample_block(self, block: torch.Tensor, index: torch.Tensor) -> None:
        flat = self._centred(block, self.offset_a[index])[:, self._inside] * self._mask
        flat = flat / self.mask_norm
        axis = (torch.arange(self.working_box_px, dtype=torch.float64, device=self.device)) - (
            self.working_box_px // 2
        )
        axis = axis * self.working_pixel_a
        y, x = axis[self._inside // self.working_box_px], axis[self._inside % self.working_box_px]
        half = self.grid.angle_count // 2
        rings = max(1, int(_MATRIX_BYTES / (8 * half * len(x))))
        for ring in range(0, self.grid.ring_count, rings):
            chunk = slice(ring, min(ring + rings, self.grid.ring_count))
            matrix = self._matrix(x, y, chunk)
            values = flat @ matrix
            values = values.reshape(len(flat), chunk.stop - chunk.start, half, 2)
            self.samples[index.to(self.device), chunk] = values.to(torch.float16)

    def _matrix(self, x: torch.Tensor, y: torch.Tensor, chunk: slice) -> torch.Tensor:
        """Real matrix (pixels, rings · Q/2 · 2) of a few rings; kept when it covers them all."""
        cached: torch.Tensor | None = getattr(self, "_cached", None)
        if cached is not None and chunk == slice(0, self.grid.ring_count):
            return cached
        rows = torch.view_as_real(sampling_rows(self.grid, x, y, chunk)).permute(2, 0, 1, 3)
        matrix = rows.reshape(len(x), -1).contiguous()
        if chunk == slice(0, self.grid.ring_count):
            self._cached = matrix
        return matrix

    def _centred(self, block: torch.Tensor, offset_a: torch.Tensor) -> torch.Tensor:
        """Normalise, move the centres to the middle, crop: shape (m, n'²)."""
        n, small = self.box_px, self.working_box_px
        axis = (torch.arange(n, device=self.device) - n // 2) * self.pixel_size_a
        r = torch.hypot(axis[None, :], axis[:, None])
        outside = r > self.grid.mask_radius_a + 0.5 * self.grid.mask_edge_a
        if int(outside.sum()) < 0.05 * n * n:
            outside = r > 0.45 * n * self.pixel_size_a
        around = block[:, outside]
        deviation = around.std(dim=1, correction=0)
        whole = block.std(dim=(1, 2), correction=0)
        deviation = torch.where(deviation > 1e-3 * whole, deviation, whole)
        block = (block - around.mean(dim=1)[:, None, None]) / deviation[:, None, None]
        if self.invert:
            block = -block
        if small == n and not bool(offset_a.any()):
            return block.reshape(len(block), -1)
        return self._moved(block, offset_a).reshape(len(block), -1)

    def _moved(self, block: torch.Tensor, offset_a: torch.Tensor) -> torch.Tensor:
        """Shift by Fourier phases and crop: values are kept, the pixel grows."""
        n, small = self.box_px, self.working_box_px
        transform = torch.fft.rfft2(block)
        keep = min(n, small)
        ky = torch.fft.fftfreq(n, device=self.device)
        kx = torch.fft.rfftfreq(n, device=self.device)
        # The middle pixel n // 2 plus the offset goes to the middle pixel of the small box.
        middle = n // 2 - (small // 2) * (n / small)
        move = (offset_a.to(self.device) / self.pixel_size_a + middle).float()
        phase_x = torch.exp(2j * math.pi * move[:, 0:1] * kx)
        phase_y = torch.exp(2j * math.pi * move[:, 1:2] * ky)
        transform = transform * phase_x[:, None, :] * phase_y[:, :, None]
        low = (keep - 1) // 2
        cropped = torch.zeros((len(block), small, small // 2 + 1), dtype=torch.complex64, device=self.device)
        cropped[:, : low + 1, : low + 1] = transform[:, : low + 1, : low + 1]
        if low:
            cropped[:, -low:, : low + 1] = transform[:, -low:, : low + 1]
        moved: torch.Tensor = torch.fft.irfft2(cropped, s=(small, small)) * (small / n) ** 2
        return moved

    def orders(
        self, grid: PolarGrid, block: slice | torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Make what the E and M steps need of some particles, at a (lower) resolution.

        Returns
        -------
        tuple
            Ŷ = orders of C X, complex64 of shape (orders, p, R); orders 0, 2, 4 of C², (p, R, 3); mean |X|²
            of each ring, (p, R).
        """
        if self._prepared is None or self._prepared[0] != grid:
            size = 8.0 * self.usable * grid.ring_count * (grid.order_count + SQUARE_ORDERS + 1)
            self._prepared = None if size > _PREPARED_BYTES else (grid, self._prepare_all(grid))
        if self._prepared is None:
            return self._prepare(grid, block)
        orders, squares, power = self._prepared[1]
        return orders[:, block], squares[block], power[block]

    def _prepare_all(self, grid: PolarGrid) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        count, rings = self.usable, grid.ring_count
        orders = torch.empty((grid.order_count, count, rings), dtype=torch.complex64, device=self.device)
        squares = torch.empty((count, rings, SQUARE_ORDERS), dtype=torch.complex64, device=self.device)
        power = torch.empty((count, rings), dtype=torch.float32, device=self.device)
        for start in range(0, count, 256):
            block = slice(start, min(start + 256, count))
            orders[:, block], squares[block], power[block] = self._prepare(grid, block)
        return orders, squares, power

    def _prepare(
        self, grid: PolarGrid, block: slice | torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        full = PolarGrid(
            grid.ring_count,
            self.grid.angle_count,
            grid.ring_step_per_a,
            grid.mask_radius_a,
            grid.mask_edge_a,
        )
        x = torch.view_as_complex(self.samples[block, : grid.ring_count].to(torch.float32))
        power = torch.view_as_real(x).square().sum(-1).mean(-1)
        y = harmonics(x * self.transfer.values(full, block), grid.order_count)
        squares = self.transfer.square_orders(grid, block)
        return y.permute(2, 0, 1).contiguous(), squares[..., :SQUARE_ORDERS], power
