"""What one exposure of the virtual microscope is like."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from frazil.model.errors import InputError
from frazil.model.optics import Optics

if TYPE_CHECKING:
    import numpy as np

_LARGEST_SIDE_PX = 1 << 14


@dataclass(frozen=True)
class ExposureSettings:
    """Everything that decides what an exposure looks like; equal settings give equal pixels.

    Attributes
    ----------
    height_px, width_px, frames, pixel_size_a
        The movie.
    optics
        Voltage, Cs and amplitude contrast.
    dose_per_frame_e_per_a2, pre_exposure_e_per_a2
        Electrons on the specimen.
    defocus_u_a, defocus_v_a, astigmatism_angle_deg, phase_shift_deg
        The lens; U >= V, underfocus positive, angle of U from +x towards +y.
    convergence_mrad, focus_spread_a, b_factor_a2
        Damping of fine detail: coherence of the source, spread of focus, everything else, exp(-B k²/4).
    specimens, fractions
        Names of `available_specimens`, and their share; equal shares if empty.
    particles
        How many in the field; None fills it so that neighbours are ``spacing`` diameters apart on average.
    spacing
        Mean distance of neighbours in particle diameters; 1.2 is crowded.
    overlap
        Share of particles that are placed without regard to their neighbours; the others do not touch.
    clustering
        Share of particles that lie against a neighbour, in rafts, and how uneven the rest are spread: 0 to 1.
    fragments
        Broken molecules, as a share of the number of particles; they are no particles of the truth.
    preferred_orientation
        0 uniform; 1 makes almost all lie with their z axis along the beam.
    ice_thickness_a, ice_gradient
        Thickness, and its relative change across the field.
    z_spread_a
        Particles lie at heights of ± this, Å (defocus differs accordingly).
    carbon
        ``none``, ``edge`` (a hole's edge crosses the field) or ``all`` (a film under everything).
    carbon_thickness_a, carbon_share
        Thickness, and the share of the field that carbon covers for ``edge``.
    ice_crystals, aggregates, ethane
        How many hexagonal ice crystals, denatured clumps and dark contamination drops.
    drift_total_a, drift_burst_a, drift_dose_e_per_a2
        Global motion: steady drift over the whole exposure, and the early burst that decays with the dose.
    local_motion_a, local_length_a, doming_a
        Beam-induced motion relative to the field's: rms at the end, length over which it is alike, doming
        at the corner.
    jitter_a
        Stage vibration: rms per frame and axis.
    damage
        Radiation damage: 1 normal (Grant & Grigorieff 2015), 0 none.
    dqe0
        Share of the electrons that is counted.
    gain_sigma, hot_pixels, dead_pixels, dead_columns
        Detector faults; hot pixels as a share of all, the others as numbers.
    empty, dead
        No particles; or nothing at all (beam blanked or grid bar).
    seed
        Of the scene; ``noise_seed`` of the counting noise and ``detector_seed`` of the gain.
    """

    height_px: int = 1024
    width_px: int = 1024
    frames: int = 20
    pixel_size_a: float = 1.0
    optics: Optics = field(default_factory=Optics)
    dose_per_frame_e_per_a2: float = 2.0
    pre_exposure_e_per_a2: float = 0.0
    defocus_u_a: float = 15_500.0
    defocus_v_a: float = 15_000.0
    astigmatism_angle_deg: float = 30.0
    phase_shift_deg: float = 0.0
    convergence_mrad: float = 0.02
    focus_spread_a: float = 35.0
    b_factor_a2: float = 40.0
    specimens: tuple[str, ...] = ("apoferritin",)
    fractions: tuple[float, ...] = ()
    particles: int | None = None
    spacing: float = 1.6
    overlap: float = 0.05
    clustering: float = 0.3
    fragments: float = 0.1
    preferred_orientation: float = 0.0
    ice_thickness_a: float = 350.0
    ice_gradient: float = 0.15
    z_spread_a: float = 80.0
    carbon: str = "none"
    carbon_thickness_a: float = 120.0
    carbon_share: float = 0.2
    ice_crystals: int = 0
    aggregates: int = 0
    ethane: int = 0
    drift_total_a: float = 6.0
    drift_burst_a: float = 8.0
    drift_dose_e_per_a2: float = 4.0
    local_motion_a: float = 2.0
    local_length_a: float = 1500.0
    doming_a: float = 1.0
    jitter_a: float = 0.1
    damage: float = 1.0
    dqe0: float = 0.8
    gain_sigma: float = 0.03
    hot_pixels: float = 2e-5
    dead_pixels: int = 20
    dead_columns: int = 1
    empty: bool = False
    dead: bool = False
    seed: int = 0
    noise_seed: int = 0
    detector_seed: int = 0

    def __post_init__(self) -> None:
        if min(self.height_px, self.width_px) < 32 or self.frames < 1:
            raise InputError(
                f"a movie of {self.width_px} x {self.height_px} x {self.frames} can't be simulated;"
                " at least 32 x 32 x 1 is needed"
            )
        if max(self.height_px, self.width_px) > _LARGEST_SIDE_PX:
            raise InputError(
                f"a movie of {self.width_px} x {self.height_px} pixels can't be simulated; cameras have at"
                f" most {_LARGEST_SIDE_PX} along a side"
            )
        if not self.pixel_size_a > 0 or not self.dose_per_frame_e_per_a2 > 0:
            raise InputError("pixel size and dose per frame must be positive")
        optics = self.optics
        numbers = {
            "voltage": optics.voltage_kv,
            "Cs": optics.cs_mm,
            "amplitude contrast": optics.amplitude_contrast,
        }
        numbers |= {name: value for name, value in vars(self).items() if isinstance(value, float)}
        for name, value in numbers.items():
            if not math.isfinite(value):
                raise InputError(f"{name.replace('_', ' ')} must be a number, not {value}")
        if not optics.voltage_kv > 0 or not self.spacing > 0:
            raise InputError("voltage and spacing must be positive")
        if not 0 <= optics.amplitude_contrast <= 1:
            raise InputError(f"amplitude contrast must be from 0 to 1, not {optics.amplitude_contrast:g}")
        for name in ("ice_thickness_a", "particles", "seed", "noise_seed", "detector_seed"):
            if (getattr(self, name) or 0) < 0:
                raise InputError(f"{name.replace('_', ' ')} must not be negative")
        if not self.specimens:
            raise InputError("no specimen is named; frazil simulate --specimen apoferritin, for instance")
        if self.carbon not in ("none", "edge", "all"):
            raise InputError(f"carbon is {self.carbon!r}; it must be none, edge or all")
        if self.fractions and len(self.fractions) != len(self.specimens):
            raise InputError(f"{len(self.fractions)} fractions for {len(self.specimens)} specimens")

    @property
    def dose_e_per_a2(self) -> float:
        """Dose of the whole exposure."""
        return self.frames * self.dose_per_frame_e_per_a2


def random_exposure(rng: np.random.Generator, base: ExposureSettings) -> ExposureSettings:
    """Draw anew what varies from exposure to exposure, around ``base``.

    Defocus, astigmatism, ice, motion, contamination and seeds; about one in ten shows a carbon edge, one in
    twenty is empty, one in twenty badly drifted. The detector stays the same.
    """
    defocus = float(rng.uniform(0.6, 1.5)) * 0.5 * (base.defocus_u_a + base.defocus_v_a)
    astigmatism = float(rng.gamma(2.0, 120.0))
    bad = float(rng.random())
    drifted = 0.05 <= bad < 0.10
    return replace(
        base,
        defocus_u_a=defocus + 0.5 * astigmatism,
        defocus_v_a=defocus - 0.5 * astigmatism,
        astigmatism_angle_deg=float(rng.uniform(-90.0, 90.0)),
        ice_thickness_a=base.ice_thickness_a * float(rng.uniform(0.7, 1.5)),
        ice_gradient=base.ice_gradient * float(rng.uniform(0.0, 2.0)),
        spacing=base.spacing * float(rng.uniform(0.85, 1.3)),
        drift_total_a=base.drift_total_a * float(rng.uniform(0.3, 2.0)) + (120.0 if drifted else 0.0),
        drift_burst_a=base.drift_burst_a * float(rng.uniform(0.4, 1.8)),
        local_motion_a=base.local_motion_a * float(rng.uniform(0.5, 1.6)),
        carbon="edge" if base.carbon == "none" and rng.random() < 0.1 else base.carbon,
        carbon_share=float(rng.uniform(0.08, 0.35)),
        ice_crystals=base.ice_crystals + int(rng.poisson(0.4)),
        aggregates=base.aggregates + int(rng.poisson(0.4)),
        ethane=base.ethane + int(rng.poisson(0.5)),
        empty=base.empty or bad < 0.05,
        seed=int(rng.integers(2**31)),
        noise_seed=int(rng.integers(2**31)),
    )
