"""From atoms to projected potential in any orientation: a non-uniform Fourier transform of type 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np
from scipy import fft

from frazil.microscope.form_factors import POTENTIAL_VA2, atom_in_ice_a

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from frazil.microscope.specimens import Specimen

_WIDTH = 6
_OVERSAMPLING = 1.5
# Best shape for this width and oversampling: Beatty, Nishimura & Pauly (2005), IEEE Trans. Med. Imaging 24.
_BETA = float(np.pi * np.sqrt((_WIDTH / _OVERSAMPLING * (_OVERSAMPLING - 0.5)) ** 2 - 0.8))
_TABLE_STEPS = 2048
_PROFILE_ERROR = 1e-3


def _kernel_table() -> NDArray[np.float32]:
    """Kaiser-Bessel kernel at 0 … _WIDTH/2 in steps of 1/_TABLE_STEPS."""
    x = np.arange(_WIDTH * _TABLE_STEPS // 2 + 2) / _TABLE_STEPS
    inside = np.clip(1.0 - (2.0 * x / _WIDTH) ** 2, 0.0, None)
    return (np.i0(_BETA * np.sqrt(inside)) * (2.0 * x <= _WIDTH) / _WIDTH).astype(np.float32)


def _kernel_transform(frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fourier transform of the kernel at ``frequency`` in cycles per point of the fine grid."""
    z = np.emath.sqrt((np.pi * _WIDTH * frequency) ** 2 - _BETA**2)
    return np.real(np.sinc(z / np.pi))


_TABLE = _kernel_table()


@numba.njit(nogil=True, cache=True, fastmath=True)
def _spread(
    position: NDArray[np.float32],
    kind: NDArray[np.int64],
    weight: NDArray[np.float32],
    rows: NDArray[np.float64],
    origin_x: float,
    origin_y: float,
    scale: float,
    table: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Spread atoms, turned by two ``rows`` of a rotation, onto the fine planes ``out`` (y, x, p)."""
    n, planes = out.shape[0], out.shape[2]
    wx = np.empty(_WIDTH, np.float32)
    wy = np.empty(_WIDTH, np.float32)
    ix = np.empty(_WIDTH, np.int64)
    for a in range(position.shape[0]):
        p0, p1, p2 = position[a, 0], position[a, 1], position[a, 2]
        x = (rows[0, 0] * p0 + rows[0, 1] * p1 + rows[0, 2] * p2) * scale + origin_x
        y = (rows[1, 0] * p0 + rows[1, 1] * p1 + rows[1, 2] * p2) * scale + origin_y
        x0 = int(np.floor(x - 0.5 * _WIDTH)) + 1
        y0 = int(np.floor(y - 0.5 * _WIDTH)) + 1
        for i in range(_WIDTH):
            tx = abs(x - (x0 + i)) * _TABLE_STEPS
            ty = abs(y - (y0 + i)) * _TABLE_STEPS
            jx, jy = int(tx), int(ty)
            wx[i] = table[jx] + (tx - jx) * (table[jx + 1] - table[jx])
            wy[i] = table[jy] + (ty - jy) * (table[jy + 1] - table[jy])
            ix[i] = (x0 + i) % n
        k = kind[a]
        for j in range(_WIDTH):
            row = (y0 + j) % n
            for i in range(_WIDTH):
                w = wy[j] * wx[i]
                for p in range(planes):
                    out[row, ix[i], p] += w * weight[k, p]


def _profiles(
    specimen: Specimen, extra_b_a2: float, k: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Kind of every atom (element and B) and the scattering profile of every kind, shape (kinds, k)."""
    b = np.rint(specimen.b_a2 / 10.0).astype(np.int64) * 10
    pairs, kind = np.unique(
        np.stack([specimen.element.astype(np.int64), b], axis=1), axis=0, return_inverse=True
    )
    profile = [
        atom_in_ice_a(specimen.elements[e], k) * np.exp(-(b + extra_b_a2) * k**2 / 4.0) for e, b in pairs
    ]
    return kind.reshape(-1), np.array(profile)


class Projector:
    """Projects one specimen into square boxes.

    Every kind of atom has its own scattering profile (element, B factor, displaced ice); all of them are
    sums of two to four common profiles, so that an orientation costs as many transforms.

    Parameters
    ----------
    specimen
        What to project.
    box_px, pixel_size_a
        Size of the box and its pixel (Å). The box is periodic.
    extra_b_a2
        Added to the B factor of every atom, Å².
    """

    def __init__(self, specimen: Specimen, box_px: int, pixel_size_a: float, extra_b_a2: float = 0.0) -> None:
        self.specimen = specimen
        self.box_px = box_px
        self.pixel_size_a = pixel_size_a
        self._fine = fft.next_fast_len(int(np.ceil(_OVERSAMPLING * box_px)), real=True)
        self._fine += self._fine % 2
        k_max = 0.5 * np.sqrt(2.0) / pixel_size_a
        k = np.linspace(0.0, k_max, 400)
        kind, profile = _profiles(specimen, extra_b_a2, k)
        left, values, right = np.linalg.svd(profile * np.sqrt(k + 1e-3), full_matrices=False)
        rank = int(np.sum(values > _PROFILE_ERROR * values[0]))
        self._kind = kind
        self._weight = np.ascontiguousarray(left[:, :rank] * values[:rank], dtype=np.float32)
        common = right[:rank] / np.sqrt(k + 1e-3)
        ky = fft.fftfreq(box_px, pixel_size_a)
        kx = fft.rfftfreq(box_px, pixel_size_a)
        radius = np.hypot(kx[None, :], ky[:, None])
        blur = _kernel_transform(ky * pixel_size_a * box_px / self._fine)
        deconvolution = 1.0 / (blur[:, None] * blur[None, : len(kx)])
        self._filter = np.stack(
            [np.interp(radius, k, c) * deconvolution * POTENTIAL_VA2 / pixel_size_a**2 for c in common]
        ).astype(np.float32)

    def transform(
        self, rotation: NDArray[np.float64], shift_a: ArrayLike = (0.0, 0.0)
    ) -> NDArray[np.complex64]:
        """Half Fourier transform of `project`, origin of the transform at pixel (0, 0)."""
        n, fine = self.box_px, self._fine
        scale = fine / (n * self.pixel_size_a)
        shift = np.asarray(shift_a, dtype=np.float64)
        planes = np.zeros((fine, fine, self._filter.shape[0]), dtype=np.float32)
        origin = (n // 2) * fine / n + shift * scale
        rows = np.ascontiguousarray(np.asarray(rotation, dtype=np.float64)[:2])
        position = self.specimen.position_a
        _spread(position, self._kind, self._weight, rows, origin[0], origin[1], scale, _TABLE, planes)
        half, low = n // 2 + 1, (n + 1) // 2
        result = np.zeros((n, half), dtype=np.complex64)
        for p in range(planes.shape[2]):
            full = fft.rfft2(np.ascontiguousarray(planes[:, :, p]))
            result[:low] += full[:low, :half] * self._filter[p, :low]
            result[low:] += full[fine - (n - low) :, :half] * self._filter[p, low:]
        return result

    def project(self, rotation: NDArray[np.float64], shift_a: ArrayLike = (0.0, 0.0)) -> NDArray[np.float32]:
        """Projected potential less displaced ice, V·Å.

        Parameters
        ----------
        rotation
            Shape (3, 3): atom r goes to R r; x is then the column, y the row, z is projected.
        shift_a
            (x, y) of the specimen's centre relative to pixel ``box_px // 2``, Å.

        Returns
        -------
        image
            Shape (box_px, box_px), float32; its sum times the pixel's area is V·Å³.
        """
        image: NDArray[np.float32] = fft.irfft2(
            self.transform(rotation, shift_a), s=(self.box_px, self.box_px)
        )
        return image


def random_rotations(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Uniformly distributed rotations: shape (count, 3, 3)."""
    q = rng.standard_normal((count, 4))
    w, x, y, z = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
    return np.stack(
        [
            np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], axis=-1),
            np.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], axis=-1),
            np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], axis=-1),
        ],
        axis=1,
    )


def in_plane_rotation(psi_deg: float) -> NDArray[np.float64]:
    """R(psi) about z, turning +x towards +y: shape (3, 3)."""
    c, s = np.cos(np.deg2rad(psi_deg)), np.sin(np.deg2rad(psi_deg))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
