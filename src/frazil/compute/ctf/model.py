"""The contrast transfer function itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

if TYPE_CHECKING:
    from frazil.model.optics import Optics

ArrayT = TypeVar("ArrayT", NDArray[np.float64], torch.Tensor)


def half_plane_frequencies(
    height_px: int, width_px: int, pixel_size_a: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies of a real FFT's half plane in 1/Å: kx of shape (1, width // 2 + 1), ky of (height, 1)."""
    kx = np.fft.rfftfreq(width_px, pixel_size_a).astype(np.float64)[None, :]
    ky = np.fft.fftfreq(height_px, pixel_size_a).astype(np.float64)[:, None]
    return kx, ky


def aberration_rad(
    kx: ArrayT,
    ky: ArrayT,
    optics: Optics,
    defocus_u_a: ArrayT | float,
    defocus_v_a: ArrayT | float,
    astigmatism_angle_deg: ArrayT | float,
    phase_shift_deg: ArrayT | float = 0.0,
) -> ArrayT:
    """Phase χ of the transfer, phase plate and amplitude contrast included, radian.

    χ = π λ k² (Δf(θ) - ½ λ² k² Cs) + φ + asin(w), Δf(θ) = ½ [U + V + (U - V) cos 2(θ - α)]
    (Rohou & Grigorieff 2015, JSB 192:216). Arguments as in `ctf_values`.
    """
    batch = [
        _leading(value, kx, ky)
        for value in (defocus_u_a, defocus_v_a, astigmatism_angle_deg, phase_shift_deg)
    ]
    defocus_u, defocus_v, angle_deg, phase_deg = batch
    twice_angle = angle_deg * (math.pi / 90.0)
    mean, half_difference = 0.5 * (defocus_u + defocus_v), 0.5 * (defocus_u - defocus_v)
    wavelength = optics.wavelength_a
    x2, y2 = kx * kx, ky * ky
    k2 = x2 + y2
    # k² cos 2(θ - α) without an arc tangent.
    chi = mean * k2 + (half_difference * _cos(twice_angle)) * (x2 - y2)
    chi = chi + (half_difference * _sin(twice_angle)) * (2.0 * kx * ky)
    chi = math.pi * wavelength * (chi - (0.5 * wavelength**2 * optics.cs_a) * (k2 * k2))
    return chi + (phase_deg * (math.pi / 180.0) + math.asin(optics.amplitude_contrast))


def ctf_values(
    kx: ArrayT,
    ky: ArrayT,
    optics: Optics,
    defocus_u_a: ArrayT | float,
    defocus_v_a: ArrayT | float,
    astigmatism_angle_deg: ArrayT | float,
    phase_shift_deg: ArrayT | float = 0.0,
) -> ArrayT:
    """Transfer C = -sin χ of micrographs: protein comes out dark at underfocus.

    Parameters
    ----------
    kx, ky
        Frequencies along x (columns) and y (rows), 1/Å; numpy or torch, broadcast against each other.
    optics
        Voltage, spherical aberration and amplitude contrast.
    defocus_u_a, defocus_v_a, astigmatism_angle_deg, phase_shift_deg
        Å and degrees, underfocus positive, the angle of U from +x towards +y. Numbers, or arrays of one
        shape: their axes then lead the result.

    Returns
    -------
    Array of shape ``(*batch, *grid)``. Torch tensors keep their type and device; in float32 the phase is
    good to about 1e-5 rad at usual settings.
    """
    chi = aberration_rad(kx, ky, optics, defocus_u_a, defocus_v_a, astigmatism_angle_deg, phase_shift_deg)
    return -_sin(chi)


def ctf_half_plane(
    height_px: int,
    width_px: int,
    pixel_size_a: float,
    optics: Optics,
    defocus_u_a: float,
    defocus_v_a: float,
    astigmatism_angle_deg: float,
    phase_shift_deg: float = 0.0,
) -> NDArray[np.float32]:
    """C = -sin χ on the half plane of a real FFT: float32 of shape (height, width // 2 + 1)."""
    kx, ky = half_plane_frequencies(height_px, width_px, pixel_size_a)
    values = ctf_values(kx, ky, optics, defocus_u_a, defocus_v_a, astigmatism_angle_deg, phase_shift_deg)
    return values.astype(np.float32)


def _leading(value: ArrayT | float, kx: ArrayT, ky: ArrayT) -> ArrayT:
    """Bring a number or a batch of numbers to the shape (*batch, 1, ...) that broadcasts over the grid."""
    grid_axes = max(kx.ndim, ky.ndim)
    if isinstance(kx, torch.Tensor):
        tensor = torch.as_tensor(value, dtype=kx.dtype, device=kx.device)
        return tensor.reshape(tuple(tensor.shape) + (1,) * grid_axes)
    array = np.asarray(value, dtype=np.float64)
    return array.reshape(array.shape + (1,) * grid_axes)


def _sin(value: ArrayT) -> ArrayT:
    return torch.sin(value) if isinstance(value, torch.Tensor) else np.sin(value)


def _cos(value: ArrayT) -> ArrayT:
    return torch.cos(value) if isinstance(value, torch.Tensor) else np.cos(value)
