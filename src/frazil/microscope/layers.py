"""The scene as the lens images it: layers that add up to the intensity of a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np
from scipy import fft

from frazil.microscope.chance import derived_seed, white_spectrum
from frazil.microscope.coarse import COARSE_PX, upsample
from frazil.microscope.detector import detector_transfer
from frazil.microscope.form_factors import interaction_rad_per_va
from frazil.microscope.projection import Projector
from frazil.microscope.solids import carbon_phase_psd, damage_dose_e_per_a2, ice_correlation, ice_phase_psd
from frazil.microscope.transfer import Lens, half_plane

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from frazil.microscope.placement import ParticleTable
    from frazil.microscope.scene import Scene

_SLAB_A = 80.0
"""Particles within such a height share one defocus: 40 Å of defocus turn the phase by 0.15 rad at 4 Å."""
_BOX_MARGIN_A = 24.0
_PROFILE_STEPS = 600


def lens_of(scene: Scene) -> Lens:
    """Lens of an exposure."""
    s = scene.settings
    return Lens(
        s.optics,
        s.defocus_u_a,
        s.defocus_v_a,
        s.astigmatism_angle_deg,
        s.phase_shift_deg,
        s.convergence_mrad,
        s.focus_spread_a,
        s.b_factor_a2,
    )


class Canvas:
    """Fourier grid of the canvas with the functions of |k| that every layer needs."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.shape = (scene.height_px, scene.width_px)
        self.pixel_size_a = scene.settings.pixel_size_a
        self.lens = lens_of(scene)
        self.k = np.linspace(0.0, np.sqrt(0.5) / self.pixel_size_a * 1.001, _PROFILE_STEPS)
        self.detector = detector_transfer(self.k, self.pixel_size_a)

    def multiply(self, half: NDArray[np.complex64], profile: NDArray[np.float64]) -> None:
        """Multiply a half transform in place with a function of |k| given at ``self.k``."""
        step = 1.0 / float(self.k[1])
        _multiply_radially(
            half, profile.astype(np.float32), step / (self.shape[0] * self.pixel_size_a),
            step / (self.shape[1] * self.pixel_size_a),
        )  # fmt: skip

    def image(self, half: NDArray[np.complex64]) -> NDArray[np.float32]:
        """Back to real space."""
        out: NDArray[np.float32] = fft.irfft2(half, s=self.shape, overwrite_x=True)
        return out

    def through_lens(self, phase: NDArray[np.float32], extra_defocus_a: float = 0.0) -> NDArray[np.complex64]:
        """Half transform of the relative intensity 2 C φ̂ that a phase gives, as the detector passes it."""
        half: NDArray[np.complex64] = fft.rfft2(phase)
        self.transfer(half, extra_defocus_a)
        return half

    def transfer(self, half: NDArray[np.complex64], extra_defocus_a: float = 0.0) -> None:
        """Multiply a half transform in place with twice the contrast transfer and the detector's."""
        kx, ky = half_plane(*self.shape, self.pixel_size_a)
        lens = self.lens
        for start in range(0, self.shape[0], 128):
            rows = slice(start, start + 128)
            half[rows] *= (-2.0 * np.sin(lens.aberration_rad(kx, ky[rows], extra_defocus_a))).astype(
                np.float32
            )
        self.multiply(half, lens.envelope(self.k) * self.detector)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _multiply_radially(
    half: NDArray[np.complex64], profile: NDArray[np.float32], per_row: float, per_column: float
) -> None:
    """Multiply with a profile, linearly interpolated at the radius in its own steps."""
    height = half.shape[0]
    last = profile.shape[0] - 2
    for y in range(height):
        fy = (y if y <= height // 2 else y - height) * per_row
        for x in range(half.shape[1]):
            fx = x * per_column
            r = np.sqrt(fx * fx + fy * fy)
            i = min(int(r), last)
            t = np.float32(min(r - i, 1.0))
            half[y, x] *= profile[i] + t * (profile[i + 1] - profile[i])


def molecule_spectrum(canvas: Canvas) -> NDArray[np.complex64]:
    """Half transform of the relative intensity of all undamaged particles."""
    scene = canvas.scene
    total = np.zeros((canvas.shape[0], canvas.shape[1] // 2 + 1), dtype=np.complex64)
    tables = [t for t in (scene.particles, scene.litter) if len(t)]
    if not tables:
        return total
    slabs = np.concatenate([np.rint(t.z_a / _SLAB_A) for t in tables])
    boxes = {}
    for slab in np.unique(slabs):
        phase = np.zeros(canvas.shape, dtype=np.float32)
        for table in tables:
            for i in np.flatnonzero(np.rint(table.z_a / _SLAB_A) == slab):
                specimen = scene.specimens[table.specimen_id[i]]
                if specimen.name not in boxes:
                    side = (specimen.extent_a + 2 * _BOX_MARGIN_A) / canvas.pixel_size_a
                    boxes[specimen.name] = Projector(
                        specimen, fft.next_fast_len(int(np.ceil(side)), real=True), canvas.pixel_size_a
                    )
                _paste(canvas, boxes[specimen.name], table, int(i), phase)
        phase *= np.float32(interaction_rad_per_va(scene.settings.optics.voltage_kv))
        # Further from the focus by z: both raise the defocus.
        total += canvas.through_lens(phase, float(slab) * _SLAB_A)
    return total


def _paste(
    canvas: Canvas, projector: Projector, table: ParticleTable, index: int, phase: NDArray[np.float32]
) -> None:
    """Add one particle's potential (V·Å) to the canvas."""
    px, box = canvas.pixel_size_a, projector.box_px
    x, y = table.x_px[index] + canvas.scene.margin_px, table.y_px[index] + canvas.scene.margin_px
    ix, iy = round(float(x)), round(float(y))
    top, left = iy - box // 2, ix - box // 2
    first_y, first_x = max(top, 0), max(left, 0)
    last_y, last_x = min(top + box, canvas.shape[0]), min(left + box, canvas.shape[1])
    if first_y >= last_y or first_x >= last_x:
        return
    image = projector.project(table.rotation[index], ((x - ix) * px, (y - iy) * px))
    phase[first_y:last_y, first_x:last_x] += image[
        first_y - top : last_y - top, first_x - left : last_x - left
    ]


def still_image(canvas: Canvas) -> NDArray[np.float32] | None:
    """Relative intensity of carbon, crystals and drops, which take no damage; None where there are none."""
    scene, px = canvas.scene, canvas.pixel_size_a
    around, s = scene.surroundings, scene.settings
    if not (around.phase_rad.any() or around.crystals):
        return None
    phase = np.empty(canvas.shape, dtype=np.float32)
    upsample(around.phase_rad, COARSE_PX, phase)
    if around.carbon.any():
        half = white_spectrum(*canvas.shape, derived_seed(s.seed, 31))
        # Power per pixel of white noise of variance 1 is 1; per area it is px².
        psd = carbon_phase_psd(canvas.k, s.carbon_thickness_a, s.optics.voltage_kv)
        canvas.multiply(half, np.sqrt(psd) / px)
        grain = canvas.image(half)
        cover = np.empty(canvas.shape, dtype=np.float32)
        upsample(np.sqrt(around.carbon), COARSE_PX, cover)
        grain *= cover
        phase += grain
    for crystal in around.crystals:
        r = crystal.radius_a / px
        rows = slice(max(int(crystal.y_a / px - r), 0), min(int(crystal.y_a / px + r), canvas.shape[0]))
        columns = slice(max(int(crystal.x_a / px - r), 0), min(int(crystal.x_a / px + r), canvas.shape[1]))
        y = (np.arange(canvas.shape[0])[rows] * px)[:, None]
        x = (np.arange(canvas.shape[1])[columns] * px)[None, :]
        cover = np.empty(canvas.shape, dtype=np.float32)
        upsample(crystal.cover, COARSE_PX, cover)
        for q, offset in zip(crystal.frequency_per_a, crystal.phase_rad, strict=True):
            if np.abs(q).max() < 0.5 / px:
                fringes = np.cos(2.0 * np.pi * (q[0] * x + q[1] * y) + offset)
                phase[rows, columns] += (crystal.amplitude_rad * fringes * cover[rows, columns]).astype(
                    np.float32
                )
    return canvas.image(canvas.through_lens(phase))


def transmission(canvas: Canvas) -> NDArray[np.float32]:
    """Share of electrons that gets through everywhere."""
    out = np.empty(canvas.shape, dtype=np.float32)
    upsample(canvas.scene.surroundings.log_transmission, COARSE_PX, out)
    np.exp(out, out=out)
    if canvas.scene.settings.dead:
        out *= np.float32(0.01)
    return out


def ice_spectrum(canvas: Canvas, seed: int) -> NDArray[np.complex64]:
    """Half transform of the relative intensity of the ice at one moment."""
    s = canvas.scene.settings
    half = white_spectrum(*canvas.shape, seed)
    psd = ice_phase_psd(canvas.k, s.ice_thickness_a, s.optics.voltage_kv)
    canvas.multiply(half, np.sqrt(psd) / canvas.pixel_size_a)
    canvas.transfer(half)
    return half


class MovingIce:
    """Ice whose molecules wander: snapshots every few e/Å², blended in between."""

    def __init__(self, canvas: Canvas, every_e_per_a2: float = 4.0) -> None:
        self._canvas = canvas
        self._every = every_e_per_a2

    def blends(
        self, doses: NDArray[np.float64]
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32], float]]:
        """For each dose (ascending): the snapshots before and after, and the weight of the latter."""
        canvas, seed = self._canvas, self._canvas.scene.settings.seed
        keep = ice_correlation(canvas.k, self._every)
        fresh = np.sqrt(1.0 - keep**2)
        state = ice_spectrum(canvas, derived_seed(seed, 41, 0))
        number = 0
        before = canvas.image(state.copy())
        after = before
        start = doses[0]
        for dose in doses:
            while dose - start > number * self._every:
                new = ice_spectrum(canvas, derived_seed(seed, 41, number + 1))
                canvas.multiply(state, keep)
                canvas.multiply(new, fresh)
                state += new
                number += 1
                before, after = after, canvas.image(state.copy())
            yield before, after, float(1.0 - (number - (dose - start) / self._every)) if number else 0.0


def damage_modes(
    canvas: Canvas, doses: NDArray[np.float64], error: float = 4e-3
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Damage as a sum of products: shapes (F, r) and (r, k), whose product is exp(-D / (2 N_e(k)))."""
    s = canvas.scene.settings
    critical = damage_dose_e_per_a2(canvas.k, s.optics.voltage_kv)
    left = np.exp(-s.damage * doses[:, None] / (2.0 * critical[None, :]))
    u, values, v = np.linalg.svd(left, full_matrices=False)
    rank = int(np.sum(values > error * values[0]))
    return u[:, :rank] * values[:rank], v[:rank]
