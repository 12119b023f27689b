"""The transfer function against an independent evaluation and against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from frazil.compute.ctf.model import aberration_rad, ctf_half_plane, ctf_values, half_plane_frequencies
from frazil.model.optics import Optics

OPTICS = Optics(voltage_kv=300.0, cs_mm=2.7, amplitude_contrast=0.07)


def plain_ctf(
    kx: float, ky: float, optics: Optics, u: float, v: float, angle_deg: float, phase_deg: float
) -> float:
    """One value from the textbook, with the wavelength from the constants of nature."""
    volt = optics.voltage_kv * 1e3
    rest = 9.1093837015e-31 * 299792458.0**2
    energy = 1.602176634e-19 * volt
    momentum = math.sqrt(energy * (energy + 2 * rest)) / 299792458.0
    wavelength = 6.62607015e-34 / momentum * 1e10
    k = math.hypot(kx, ky)
    theta = math.atan2(ky, kx)
    defocus = 0.5 * (u + v + (u - v) * math.cos(2 * (theta - math.radians(angle_deg))))
    w = optics.amplitude_contrast
    chi = math.pi * wavelength * k**2 * defocus - 0.5 * math.pi * wavelength**3 * k**4 * optics.cs_mm * 1e7
    chi += math.radians(phase_deg)
    return -math.sqrt(1 - w**2) * math.sin(chi) - w * math.cos(chi)


@pytest.mark.parametrize("voltage_kv", [100.0, 200.0, 300.0])
def test_equals_the_textbook(voltage_kv: float) -> None:
    optics = Optics(voltage_kv=voltage_kv, cs_mm=1.4, amplitude_contrast=0.1)
    rng = np.random.default_rng(3)
    kx, ky = rng.uniform(-0.25, 0.25, (2, 50))
    got = ctf_values(kx, ky, optics, 14000.0, 12500.0, 31.0, 40.0)
    want = [plain_ctf(x, y, optics, 14000.0, 12500.0, 31.0, 40.0) for x, y in zip(kx, ky, strict=True)]
    np.testing.assert_allclose(got, want, atol=1e-3)  # the usual formula of the wavelength is 4e-6 off


def test_angle_turns_from_x_towards_y() -> None:
    """Along the direction of U the rings lie closer: the first zero is where λ U k² is 1."""
    optics = Optics(voltage_kv=300.0, cs_mm=0.0, amplitude_contrast=0.0)
    k = 1.0 / math.sqrt(optics.wavelength_a * 20000.0)
    direction = math.radians(30.0)
    kx, ky = np.array([k * math.cos(direction)]), np.array([k * math.sin(direction)])
    assert ctf_values(kx, ky, optics, 20000.0, 10000.0, 30.0)[0] == pytest.approx(0.0, abs=1e-9)
    assert abs(ctf_values(kx, -ky, optics, 20000.0, 10000.0, 30.0)[0]) > 0.1


def test_protein_is_dark_at_underfocus() -> None:
    kx, ky = np.array([0.02]), np.array([0.0])
    assert ctf_values(kx, ky, OPTICS, 10000.0, 10000.0, 0.0)[0] < 0.0


def test_batch_leads_and_torch_agrees() -> None:
    kx, ky = half_plane_frequencies(24, 32, 1.3)
    u, v, angle = (
        np.array([9000.0, 22000.0, 500.0]),
        np.array([8000.0, 21000.0, 400.0]),
        np.array([0.0, 80.0, -45.0]),
    )
    want = ctf_values(kx, ky, OPTICS, u, v, angle, 90.0)
    assert want.shape == (3, 24, 17)
    np.testing.assert_array_equal(want[1], ctf_values(kx, ky, OPTICS, 22000.0, 21000.0, 80.0, 90.0))
    tensors = [torch.from_numpy(a) for a in (kx, ky, u, v, angle)]
    got = ctf_values(tensors[0], tensors[1], OPTICS, tensors[2], tensors[3], tensors[4], 90.0)
    np.testing.assert_allclose(got.numpy(), want, atol=1e-12)
    single = [t.float() for t in tensors]
    got32 = ctf_values(single[0], single[1], OPTICS, single[2], single[3], single[4], 90.0)
    assert got32.dtype == torch.float32
    np.testing.assert_allclose(got32.numpy(), want, atol=1e-4)


def test_half_plane_has_zero_frequency_first() -> None:
    plane = ctf_half_plane(16, 20, 1.0, OPTICS, 15000.0, 14000.0, 12.0)
    assert plane.shape == (16, 11)
    assert plane[0, 0] == pytest.approx(-OPTICS.amplitude_contrast, abs=1e-6)
    kx, ky = half_plane_frequencies(16, 20, 1.0)
    chi = aberration_rad(kx, ky, OPTICS, 15000.0, 14000.0, 12.0)
    np.testing.assert_allclose(plane, -np.sin(chi), atol=1e-6)
