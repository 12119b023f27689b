"""Particle stacks for 2D classification, without going through micrographs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from frazil.microscope.form_factors import interaction_rad_per_va
from frazil.microscope.projection import Projector, in_plane_rotation, random_rotations
from frazil.microscope.specimens import Specimen, load_specimen
from frazil.microscope.transfer import Lens, half_plane
from frazil.model.classes import ParticleCtf
from frazil.model.optics import Optics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class ParticleTruth:
    """What is true of P simulated particles.

    A particle shows its view by ``view(r') = particle(r)``, ``r' = R(psi) (r + shift)``, as in
    `frazil.model.classes.Classification`; its true centre is the box centre minus the shift.

    Attributes
    ----------
    specimen_id
        Shape (P,): index into ``specimens``; -1 for junk.
    view_id
        Shape (P,): index into ``view_rotation`` (all specimens counted through); -1 for junk.
    psi_deg, shift_x_a, shift_y_a
        Shape (P,): the pose.
    view_specimen_id, view_rotation
        Shape (V,) and (V, 3, 3): which specimen, and atom r goes to R r before projection.
    specimens
        Their names.
    """

    specimen_id: NDArray[np.int32]
    view_id: NDArray[np.int32]
    psi_deg: NDArray[np.float64]
    shift_x_a: NDArray[np.float64]
    shift_y_a: NDArray[np.float64]
    view_specimen_id: NDArray[np.int32]
    view_rotation: NDArray[np.float64]
    specimens: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class SimulatedParticles:
    """Simulated particle images with their CTF and truth.

    Attributes
    ----------
    images
        Shape (P, n, n), float32: protein white, background mean 0 and standard deviation 1.
    ctf
        CTF of every particle. The images hold +sin χ (protein white).
    truth
        Poses and what they show.
    pixel_size_a
        Pixel, Å.
    signal_scale
        Images are ``signal_scale`` times the true view under its CTF, plus noise.
    """

    images: NDArray[np.float32]
    ctf: ParticleCtf
    truth: ParticleTruth
    pixel_size_a: float
    signal_scale: float
    b_factor_a2: float
    _specimens: tuple[Specimen, ...] = field(repr=False, default=())

    def noiseless_view(self, view_id: int) -> NDArray[np.float32]:
        """Project a view without CTF and noise, protein white, V·Å: shape (n, n)."""
        truth = self.truth
        specimen = self._specimens[int(truth.view_specimen_id[view_id])]
        projector = Projector(specimen, self.images.shape[-1], self.pixel_size_a, self.b_factor_a2)
        return projector.project(truth.view_rotation[view_id])

    def noiseless_views(self) -> NDArray[np.float32]:
        """`noiseless_view` of all V views: shape (V, n, n)."""
        return np.stack([self.noiseless_view(v) for v in range(len(self.truth.view_specimen_id))])


def simulate_particles(
    specimens: Sequence[str | Specimen],
    n: int,
    box_px: int,
    pixel_size_a: float,
    optics: Optics | None = None,
    *,
    snr: float | None = None,
    dose_e_per_a2: float = 40.0,
    ice_thickness_a: float = 350.0,
    dqe0: float = 0.8,
    defocus_range_a: tuple[float, float] = (8_000.0, 25_000.0),
    astigmatism_a: float = 300.0,
    phase_shift_deg: float = 0.0,
    views_per_specimen: int | None = None,
    fractions: Sequence[float] = (),
    shift_sigma_a: float = 4.0,
    junk_fraction: float = 0.0,
    background: float = 0.0,
    b_factor_a2: float = 60.0,
    seed: int = 0,
) -> SimulatedParticles:
    """Particle images as they come out of extraction.

    Parameters
    ----------
    specimens
        Names of `available_specimens`, or specimens.
    n, box_px, pixel_size_a
        Number of images, their box and pixel (Å).
    optics
        300 kV, 2.7 mm, 0.07 if None.
    snr
        Variance of the signal inside the particle's disc over the noise's; None: noise of ``dose_e_per_a2``
        electrons and ``ice_thickness_a`` of ice, as the microscope would give.
    defocus_range_a, astigmatism_a
        Uniform defocus; mean of the (gamma distributed) astigmatism, its direction uniform.
    views_per_specimen
        Number of different views; None: each particle has its own.
    shift_sigma_a
        Standard deviation of the centring error per axis.
    junk_fraction
        Share of images without a particle (half of them off-centre blobs).
    background
        Structural noise (neighbours, debris, uneven ice) as a share of the counting noise's variance: it is
        strong below 1/20 Å and passes the lens like the particle. Real stacks have about 0.3.
    b_factor_a2
        Added to every atom: whatever damps the signal, exp(-B k²/4).
    """
    optics = optics or Optics()
    rng = np.random.default_rng(seed)
    molecules = tuple(load_specimen(s) if isinstance(s, str) else s for s in specimens)
    shares = np.asarray(fractions if len(fractions) else np.ones(len(molecules)), dtype=np.float64)
    junk = rng.random(n) < junk_fraction
    specimen_id = rng.choice(len(molecules), n, p=shares / shares.sum()).astype(np.int32)
    specimen_id[junk] = -1
    view_id = np.full(n, -1, dtype=np.int32)
    rotations: list[NDArray[np.float64]] = []
    view_specimen: list[NDArray[np.int32]] = []
    first = 0
    for s in range(len(molecules)):
        members = np.flatnonzero(specimen_id == s)
        count = len(members) if views_per_specimen is None else views_per_specimen
        own = np.arange(count) if views_per_specimen is None else rng.integers(count, size=len(members))
        view_id[members] = first + own
        rotations.append(random_rotations(rng, count))
        view_specimen.append(np.full(count, s, dtype=np.int32))
        first += count
    truth = ParticleTruth(
        specimen_id,
        view_id,
        rng.uniform(-180.0, 180.0, n),
        rng.normal(0.0, shift_sigma_a, n),
        rng.normal(0.0, shift_sigma_a, n),
        np.concatenate(view_specimen),
        np.concatenate(rotations),
        tuple(m.name for m in molecules),
    )
    mean = rng.uniform(*defocus_range_a, n)
    half = 0.5 * np.minimum(rng.gamma(2.0, 0.5 * max(astigmatism_a, 1e-9), n), 0.5 * mean)
    ctf = ParticleCtf(
        optics, mean + half, mean - half, rng.uniform(-90.0, 90.0, n), np.full(n, float(phase_shift_deg))
    )
    images = np.empty((n, box_px, box_px), dtype=np.float32)
    sigma_e = interaction_rad_per_va(optics.voltage_kv)
    signal = _signals(molecules, truth, ctf, images, pixel_size_a, b_factor_a2, rng)
    signal *= 2.0 * sigma_e
    # Noise in units of relative contrast.
    electrons = dose_e_per_a2 * dqe0 * pixel_size_a**2 * float(np.exp(-ice_thickness_a / 3500.0))
    noise = electrons**-0.5
    if snr is not None:
        noise = float(np.sqrt(_disc_variance(images[~junk], molecules, pixel_size_a) / snr))
    for i, image in enumerate(images):
        image += noise * rng.standard_normal(image.shape, dtype=np.float32)
        if background > 0:
            image += noise * np.sqrt(background) * _structure(_lens(ctf, i), box_px, pixel_size_a, rng)
    noise *= float(np.sqrt(1.0 + background))
    images /= noise
    return SimulatedParticles(images, ctf, truth, pixel_size_a, 2.0 * sigma_e / noise, b_factor_a2, molecules)


def _lens(ctf: ParticleCtf, index: int) -> Lens:
    """Lens of one particle."""
    return Lens(
        ctf.optics,
        float(ctf.defocus_u_a[index]),
        float(ctf.defocus_v_a[index]),
        float(ctf.astigmatism_angle_deg[index]),
        float(ctf.phase_shift_deg[index]),
    )


def _structure(lens: Lens, box: int, pixel_size_a: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise of unit variance that falls off beyond 1/20 Å and has passed the lens."""
    kx, ky = half_plane(box, box, pixel_size_a)
    half = fft.rfft2(rng.standard_normal((box, box), dtype=np.float32))
    half = half * np.sin(lens.aberration_rad(kx, ky)) / (1.0 + (20.0 * np.hypot(kx, ky)) ** 2)
    image: NDArray[np.float32] = fft.irfft2(half.astype(np.complex64), s=(box, box))
    image /= max(float(image.std()), 1e-12)
    return image


def _signals(
    molecules: tuple[Specimen, ...],
    truth: ParticleTruth,
    ctf: ParticleCtf,
    out: NDArray[np.float32],
    pixel_size_a: float,
    b_factor_a2: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Potentials (V·Å) under +sin χ, in pose, written to ``out``.

    Imaged in a box half as large again, so that what the lens delocalises leaves the image as it does when
    particles are cut from a micrograph, and does not come in again on the other side.
    """
    cut = out.shape[-1]
    box = fft.next_fast_len(cut + cut // 2, real=True)
    first = box // 2 - cut // 2
    kx, ky = half_plane(box, box, pixel_size_a)
    projectors = [Projector(m, box, pixel_size_a, b_factor_a2) for m in molecules]
    for i in range(len(out)):
        lens = _lens(ctf, i)
        if truth.view_id[i] >= 0:
            turn = in_plane_rotation(-float(truth.psi_deg[i]))
            rotation = turn @ truth.view_rotation[truth.view_id[i]]
            shift = (-float(truth.shift_x_a[i]), -float(truth.shift_y_a[i]))
            half = projectors[truth.specimen_id[i]].transform(rotation, shift)
        else:
            half = _junk(box, pixel_size_a, kx, ky, rng)
        half = half * np.sin(lens.aberration_rad(kx, ky))
        image = fft.irfft2(half.astype(np.complex64), s=(box, box))
        out[i] = image[first : first + cut, first : first + cut]
    return out


def _junk(
    box: int, pixel_size_a: float, kx: NDArray[np.float64], ky: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.complex128]:
    """Nothing, or a formless off-centre blob, as a half Fourier transform in V·Å."""
    if rng.random() < 0.5:
        return np.zeros((box, kx.shape[1]), dtype=np.complex128)
    field_a = box * pixel_size_a
    total = np.zeros((box, kx.shape[1]), dtype=np.complex128)
    for _ in range(int(rng.integers(3, 9))):
        x, y = field_a * (0.5 + rng.normal(0.0, 0.15, 2))
        width = field_a * rng.uniform(0.03, 0.10)
        volume = 3.0 * (2.0 * np.pi) ** 1.5 * width**3 / pixel_size_a**2
        blob = np.exp(-2.0 * np.pi**2 * width**2 * (kx**2 + ky**2) - 2j * np.pi * (kx * x + ky * y))
        total += volume * blob
    return total


def _disc_variance(
    images: NDArray[np.float32], molecules: tuple[Specimen, ...], pixel_size_a: float
) -> float:
    """Mean variance of the images inside the largest specimen's disc."""
    box = images.shape[-1]
    axis = (np.arange(box) - box // 2) * pixel_size_a
    disc = np.hypot(axis[None, :], axis[:, None]) <= 0.5 * max(m.diameter_a for m in molecules)
    return float(np.mean([image[disc].var() for image in images[:500]]))
