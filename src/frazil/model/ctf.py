"""What a CTF fit says about one micrograph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class CtfProfile:
    """Curves for plotting, all of one length, over ``frequency_per_a`` (1/Å)."""

    frequency_per_a: NDArray[np.float64]
    spectrum: NDArray[np.float64]
    """Equal-phase average of the power spectrum over its background, minus one, scaled for display."""
    fit: NDArray[np.float64]
    """|CTF|^2 of the fit at the same scale."""
    agreement: NDArray[np.float64]
    """Local correlation of both, the curve that ``fit_resolution_a`` is read from."""


@dataclass(frozen=True)
class CtfFit:
    """Result of a CTF estimate.

    ``has_rings`` False means that no Thon rings were found: the defocus values are then NaN and must not
    be used. ``doubtful`` is a fit that should not be trusted without looking, and ``note`` says why.

    Attributes
    ----------
    defocus_u_a, defocus_v_a
        Defocus along both axes of the astigmatism, U >= V, Å, underfocus positive.
    astigmatism_angle_deg
        Direction of U, from +x (columns) towards +y (rows), in [-90, 90).
    phase_shift_deg
        Phase plate's shift; 0 without.
    defocus_u_error_a, defocus_v_error_a, astigmatism_angle_error_deg, phase_shift_error_deg
        One standard deviation each, from the curvature of the likelihood.
    score
        Correlation comparable with CTFFIND's figure of merit.
    fit_resolution_a
        Resolution to which rings agree with the fit, Å.
    ice_ring
        Power over background between 0.25 and 0.28 1/Å; 1 without crystalline ice; NaN if out of reach.
    tilt_deg, tilt_axis_deg, thickness_a
        Only where asked for; NaN otherwise.
    """

    defocus_u_a: float
    defocus_v_a: float
    astigmatism_angle_deg: float
    phase_shift_deg: float
    defocus_u_error_a: float
    defocus_v_error_a: float
    astigmatism_angle_error_deg: float
    phase_shift_error_deg: float
    score: float
    fit_resolution_a: float
    ice_ring: float
    has_rings: bool
    doubtful: bool
    note: str
    tilt_deg: float
    tilt_axis_deg: float
    thickness_a: float
    profile: CtfProfile

    @property
    def defocus_mean_a(self) -> float:
        """Mean of both defocus values, Å."""
        return 0.5 * (self.defocus_u_a + self.defocus_v_a)

    @property
    def astigmatism_a(self) -> float:
        """Defocus U minus V, Å."""
        return self.defocus_u_a - self.defocus_v_a
