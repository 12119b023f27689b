"""Class averages of particles at given angles and shifts: what any program makes of a table of poses.

Each image is shifted, rotated and multiplied by its CTF in Fourier space, and all are added; the sum is
divided by that of CTF² plus noise over signal (Wiener), as in Scheres 2012, J Struct Biol 180:519, with one
class and one pose for each image. The signal is taken for stronger than it is: a ring that is damped while
its neighbours are not shows, through any mask, the neighbours instead of its own, and differs there from what
programs make that divide by the sum of CTF² only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.fft
from numba import njit

from frazil.compute.parallel import in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from frazil.model.optics import Optics

    Floats = NDArray[np.float32]
    Complexes = NDArray[np.complex64]

_PADDING = 2
_BLOCK_BYTES = 1 << 24
_SMALLEST_SSNR, _SIGNAL_TIMES = 1.0, 4.0
"""No ring loses more than a fifth: a weak one would be drowned by its neighbours through a mask."""
_EDGE_PX = 5.0


@dataclass(frozen=True)
class PosedImages:
    """Images on one pixel, and what is known of each.

    Attributes
    ----------
    images
        Shape (P, n, n), n even; background σ 1, protein white.
    pixel_size_a
        Å.
    optics
        Of all of them.
    defocus_u_a, defocus_v_a, astigmatism_angle_deg, phase_shift_deg
        Shape (P,).
    place
        Shape (P,): which average each belongs to, from 0.
    psi_deg, shift_x_a, shift_y_a
        Shape (P,): average(r') = image(r) with r' = R(ψ) (r + shift), R turning +x towards +y.
    """

    images: Floats
    pixel_size_a: float
    optics: Optics
    defocus_u_a: NDArray[np.float64]
    defocus_v_a: NDArray[np.float64]
    astigmatism_angle_deg: NDArray[np.float64]
    phase_shift_deg: NDArray[np.float64]
    place: NDArray[np.int64]
    psi_deg: NDArray[np.float64]
    shift_x_a: NDArray[np.float64]
    shift_y_a: NDArray[np.float64]


class PosedSums:
    """Sums of images for some averages; `bytes_of` says how much memory one takes.

    Parameters
    ----------
    count
        How many averages.
    size_px, pixel_size_a
        Of the averages: even, and Å. Images may have others.
    """

    def __init__(self, count: int, size_px: int, pixel_size_a: float) -> None:
        self._size, self._pixel_a = size_px, pixel_size_a
        shape = (count, size_px, size_px // 2 + 1)
        self._sum = np.zeros(shape, np.complex64)
        self._weight = np.zeros(shape, np.float32)
        self._power = np.zeros((count, size_px // 2, 2))

    @staticmethod
    def bytes_of(size_px: int) -> int:
        """Memory of the sums of one average."""
        return 12 * size_px * (size_px // 2 + 1)

    def add(self, some: Iterable[PosedImages], threads: int = 1) -> None:
        """Add images; the result does not depend on how many threads transform them."""

        def transformed(part: PosedImages) -> tuple[PosedImages, Complexes]:
            return part, _padded_transforms(part.images)

        blocks = (block for images in some for block in _blocks(images))
        for part, spectra in in_order(transformed, blocks, threads):
            _deposit(
                spectra,
                _numbers(part),
                part.place,
                _PADDING * part.images.shape[-1] * part.pixel_size_a,
                1.0 / (self._size * self._pixel_a),
                0.5 / part.pixel_size_a,
                # Images have σ 1 per pixel: in larger pixels white noise is weaker, the particle stronger.
                part.pixel_size_a / self._pixel_a,
                self._sum,
                self._weight,
                self._power,
            )

    def averages(self, mask_radius_a: float | None = None) -> Floats:
        """Shape (count, size_px, size_px), pixel n // 2 in the middle; zero where nothing was added.

        ``mask_radius_a``: they end there, within five pixels; None: they don't.
        """
        size = self._size
        result = np.zeros((len(self._sum), size, size), np.float32)
        mask = _soft_disc(size, np.inf if mask_radius_a is None else mask_radius_a / self._pixel_a)
        for k in np.flatnonzero(self._weight.any(axis=(1, 2))):
            spectrum = _wiener(self._sum[k], self._weight[k], self._power[k])
            result[k] = scipy.fft.fftshift(scipy.fft.irfft2(spectrum, s=(size, size))) * mask
        return result


def _blocks(images: PosedImages) -> Iterator[PosedImages]:
    """Cut images into pieces of which the padded transforms are not large."""
    each = 8 * (_PADDING * images.images.shape[-1]) * (_PADDING * images.images.shape[-1] // 2 + 1)
    step = max(1, _BLOCK_BYTES // each)
    arrays: dict[str, Any] = {
        name: value for name, value in vars(images).items() if isinstance(value, np.ndarray)
    }
    for begin in range(0, len(images.images), step):
        yield replace(images, **{name: value[begin : begin + step] for name, value in arrays.items()})


def _padded_transforms(images: Floats) -> Complexes:
    """Transform in twice the box, the centre n // 2 at 0, ready for linear interpolation."""
    size = images.shape[-1]
    half, padded = size // 2, _PADDING * size
    # Linear interpolation damps an image towards its rim like sinc².
    level = np.sinc((np.arange(size) - half) / padded) ** -2
    image = images * (level[:, None] * level[None, :]).astype(np.float32)
    box = np.zeros((len(images), padded, padded), np.float32)
    box[:, :half, :half] = image[:, half:, half:]
    box[:, :half, -half:] = image[:, half:, :half]
    box[:, -half:, :half] = image[:, :half, half:]
    box[:, -half:, -half:] = image[:, :half, :half]
    spectra: Complexes = scipy.fft.rfft2(box, overwrite_x=True)
    return spectra


def _numbers(part: PosedImages) -> NDArray[np.float64]:
    """Return what the kernel needs of each image, shape (P, 10)."""
    psi, alpha = np.radians(part.psi_deg), 2.0 * np.radians(part.astigmatism_angle_deg)
    optics, ones = part.optics, np.ones(len(psi))
    half_difference = 0.5 * (part.defocus_u_a - part.defocus_v_a)
    turned_x = np.cos(psi) * part.shift_x_a - np.sin(psi) * part.shift_y_a
    turned_y = np.sin(psi) * part.shift_x_a + np.cos(psi) * part.shift_y_a
    columns = (
        np.cos(psi),
        np.sin(psi),
        turned_x,
        turned_y,
        0.5 * (part.defocus_u_a + part.defocus_v_a),
        half_difference * np.cos(alpha),
        half_difference * np.sin(alpha),
        np.radians(part.phase_shift_deg) + math.asin(optics.amplitude_contrast),
        math.pi * optics.wavelength_a * ones,
        0.5 * optics.wavelength_a**2 * optics.cs_a * ones,
    )
    return np.stack(columns, axis=1)


@njit(nogil=True, cache=True)
def _deposit(
    spectra: Complexes,
    numbers: NDArray[np.float64],
    place: NDArray[np.int64],
    padded_a: float,
    step_per_a: float,
    nyquist_per_a: float,
    level: float,
    total: Complexes,
    weight: Floats,
    power: NDArray[np.float64],
) -> None:
    padded = spectra.shape[1]
    size, rings = total.shape[1], power.shape[1]
    across = np.empty(size // 2 + 1, np.complex64)
    for p in range(len(spectra)):
        cos, sin, x, y, mean, plain, oblique, constant, scale, bend = numbers[p]
        c = place[p]
        for i in range(size // 2 + 1):
            phase = -2.0 * math.pi * i * step_per_a * x
            across[i] = level * complex(math.cos(phase), math.sin(phase))
        for j in range(size):
            ky = (j if j < size // 2 else j - size) * step_per_a
            down = complex(math.cos(2.0 * math.pi * ky * y), -math.sin(2.0 * math.pi * ky * y))
            for i in range(size // 2):
                kx = i * step_per_a
                k2 = kx * kx + ky * ky
                ring = int(math.sqrt(k2) / step_per_a + 0.5)
                if ring >= rings or k2 >= nyquist_per_a * nyquist_per_a:
                    continue
                fx, fy = cos * kx + sin * ky, cos * ky - sin * kx
                bent = plain * (fx * fx - fy * fy) + oblique * 2.0 * fx * fy
                contrast = math.sin(scale * (k2 * (mean - bend * k2) + bent) + constant)
                mirrored = fx < 0.0
                u = -fx * padded_a if mirrored else fx * padded_a
                v = -fy * padded_a if mirrored else fy * padded_a
                u0, v0 = math.floor(u), math.floor(v)
                du, dv = u - u0, v - v0
                a, b = v0 % padded, (v0 + 1) % padded
                one = spectra[p, a, u0] * (1.0 - du) + spectra[p, a, u0 + 1] * du
                two = spectra[p, b, u0] * (1.0 - du) + spectra[p, b, u0 + 1] * du
                value = one * (1.0 - dv) + two * dv
                if mirrored:
                    value = value.conjugate()
                value *= across[i] * down
                total[c, j, i] += contrast * value
                weight[c, j, i] += contrast * contrast
                power[c, ring, 0] += value.real * value.real + value.imag * value.imag
                power[c, ring, 1] += 1.0


def _wiener(total: Complexes, weight: Floats, power: NDArray[np.float64]) -> Complexes:
    """One average's transform: sum over (weight + noise / signal), both by ring."""
    size = total.shape[0]
    frequency = np.hypot(np.fft.fftfreq(size)[:, None] * size, np.fft.rfftfreq(size)[None, :] * size)
    ring = np.rint(frequency).astype(np.int64)
    inside = weight > 0.0
    rings, share = ring[inside], weight[inside].astype(np.float64)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        count = np.maximum(np.bincount(rings, minlength=len(power)), 1)
        result: NDArray[np.float64] = np.bincount(rings, values, minlength=len(power)) / count
        return result

    noise = power[:, 0] / np.maximum(power[:, 1], 1.0)
    excess = mean(np.abs(total[inside]).astype(np.float64) ** 2 / share) / np.maximum(noise, 1e-30) - 1.0
    # Signal over noise of one image.
    signal = _SIGNAL_TIMES * np.maximum(excess, _SMALLEST_SSNR) / np.maximum(mean(share), 1e-30)
    result = np.zeros_like(total)
    result[inside] = total[inside] / (share + 1.0 / signal[rings])
    return result


def _soft_disc(size: int, radius_px: float) -> Floats:
    axis = np.arange(size) - size // 2
    beyond = np.clip((np.hypot(axis[:, None], axis[None, :]) - radius_px) / _EDGE_PX, 0.0, 1.0)
    disc: Floats = (0.5 + 0.5 * np.cos(np.pi * beyond)).astype(np.float32)
    return disc
