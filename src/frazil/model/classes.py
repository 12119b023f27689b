"""Particles as the classifier sees them, and what it says about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.model.optics import Optics

Contrast = Literal["right", "inverted", "mixed"]


@dataclass(frozen=True)
class ParticleCtf:
    """CTF parameters of P particles that share one optics group's voltage, Cs and amplitude contrast.

    All arrays have shape (P,); units as in `frazil.model.ctf.CtfFit`.
    """

    optics: Optics
    defocus_u_a: NDArray[np.float64]
    defocus_v_a: NDArray[np.float64]
    astigmatism_angle_deg: NDArray[np.float64]
    phase_shift_deg: NDArray[np.float64]


@dataclass(frozen=True)
class Classification:
    """Class averages and the pose of every particle.

    A particle fits its average by ``average(r') = particle(r)`` with ``r' = R(psi) (r + shift)``, R turning
    +x towards +y: RELION's convention. The true centre is the box centre minus the shift.

    Attributes
    ----------
    averages
        Shape (K, n, n), float32, protein white; an empty class is all zero.
    class_id
        Shape (P,): 1 to K, 0 where the particle belongs to none (junk, never visited).
    psi_deg, shift_x_a, shift_y_a
        Shape (P,): the pose.
    posterior
        Shape (P,): probability of ``class_id``, marginalised over rotation and shift.
    log_evidence
        Shape (P,): log evidence over the null class, nats.
    population
        Shape (K,): number of particles in each class.
    resolution_a
        Shape (K,): resolution where the half-set FRC crosses 0.5, Å; inf for an empty class.
    resolution_143_a
        Shape (K,): the same at 0.143.
    pixel_size_a
        Pixel of the averages, Å.
    notes
        Things a person should know (for instance inverted contrast), one sentence each.
    contrast
        ``inverted`` where most averages are dark on bright, ``mixed`` where some are, else ``right``.
    quality, reasons
        Shape (K,), 0 to 1, and what speaks against each class, the gravest first.
    """

    averages: NDArray[np.float32]
    class_id: NDArray[np.int32]
    psi_deg: NDArray[np.float32]
    shift_x_a: NDArray[np.float32]
    shift_y_a: NDArray[np.float32]
    posterior: NDArray[np.float32]
    log_evidence: NDArray[np.float32]
    population: NDArray[np.int64]
    resolution_a: NDArray[np.float64]
    resolution_143_a: NDArray[np.float64]
    pixel_size_a: float
    notes: tuple[str, ...] = ()
    contrast: Contrast = "right"
    quality: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    reasons: tuple[tuple[str, ...], ...] = ()
