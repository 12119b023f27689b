"""True motion of the specimen: an early burst, a steady drift, and how both differ across the field."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from frazil.microscope.settings import ExposureSettings

_WAVES = 24
_SAMPLES = 8


@dataclass(frozen=True)
class SmoothField:
    """A Gaussian random vector field of unit variance per axis, known at every point.

    A sum of cosines with normally distributed wave vectors: its covariance is exp(-d²/(2 length²)).
    """

    wave_per_px: NDArray[np.float64]
    phase: NDArray[np.float64]
    amplitude: NDArray[np.float64]

    @classmethod
    def random(cls, rng: np.random.Generator, length_px: float) -> SmoothField:
        """Draw a field whose values are alike over ``length_px``."""
        wave = rng.standard_normal((_WAVES, 2)) / length_px
        amplitude = rng.standard_normal((_WAVES, 2)) * np.sqrt(2.0 / _WAVES)
        return cls(wave, rng.uniform(0.0, 2.0 * np.pi, _WAVES), amplitude)

    def __call__(self, x_px: NDArray[np.float64], y_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values at positions (...): shape (..., 2)."""
        total = np.zeros((*np.broadcast_shapes(x_px.shape, y_px.shape), 2))
        for wave, phase, amplitude in zip(self.wave_per_px, self.phase, self.amplitude, strict=True):
            total += np.cos(wave[0] * x_px + wave[1] * y_px + phase)[..., None] * amplitude
        return total


@dataclass(frozen=True)
class TrueMotion:
    """Where the specimen was in each frame, in the convention of `frazil.model.motion.MotionField`.

    Attributes
    ----------
    width_px, height_px, pixel_size_a
        The movie.
    track_a
        Shape (F, S, 2): global displacement at S moments of each frame, Å.
    burst, drift
        Shape (F, S): how much of the local burst and of the local drift has happened by then.
    burst_a, drift_a
        Amplitude of the local fields, Å.
    doming_a
        Radial displacement at the corner when the burst is over, Å.
    burst_field, drift_field
        The local fields.
    """

    width_px: int
    height_px: int
    pixel_size_a: float
    track_a: NDArray[np.float64]
    burst: NDArray[np.float64]
    drift: NDArray[np.float64]
    burst_a: float
    drift_a: float
    doming_a: float
    burst_field: SmoothField
    drift_field: SmoothField

    @property
    def frames(self) -> int:
        """Number of frames F."""
        return len(self.track_a)

    @property
    def global_shift_a(self) -> NDArray[np.float64]:
        """Track of the whole field without its local part, relative to the first frame: shape (F, 2), Å."""
        mean = self.track_a.mean(axis=1)
        track: NDArray[np.float64] = mean - mean[0]
        return track

    def local_fields_a(
        self, x_px: ArrayLike, y_px: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Local burst and local drift at positions (...), each of shape (..., 2), Å."""
        x = np.asarray(x_px, dtype=np.float64)
        y = np.asarray(y_px, dtype=np.float64)
        dx, dy = x - 0.5 * self.width_px, y - 0.5 * self.height_px
        radial = np.stack(np.broadcast_arrays(dx, dy), axis=-1) * np.hypot(dx, dy)[..., None]
        doming = self.doming_a * radial / (0.25 * (self.width_px**2 + self.height_px**2))
        return self.burst_a * self.burst_field(x, y) + doming, self.drift_a * self.drift_field(x, y)

    def displacement_a(self, x_px: ArrayLike, y_px: ArrayLike) -> NDArray[np.float64]:
        """Displacement u_f relative to the first frame at positions (...): shape (F, ..., 2), Å.

        The mean over each frame; what is at (x, y) in the first frame is at (x, y) + u_f / pixel in frame f.
        """
        burst_a, drift_a = self.local_fields_a(x_px, y_px)
        shape = (self.frames, *([1] * burst_a.ndim))
        burst, drift = self.burst.mean(axis=1), self.drift.mean(axis=1)
        local = (burst - burst[0]).reshape(shape) * burst_a + (drift - drift[0]).reshape(shape) * drift_a
        total: NDArray[np.float64] = local + self.global_shift_a.reshape(self.frames, *shape[2:], 2)
        return total

    def moments(
        self, frame: int, longest_step_a: float = 0.8
    ) -> list[tuple[NDArray[np.float64], float, float]]:
        """Split a frame into moments between which nothing moves further than ``longest_step_a``.

        Returns (global displacement, burst, drift) of each, relative to the first frame's means: the
        displacement at a place is the first plus burst and drift times `local_fields_a`.
        """
        track, burst, drift = self.track_a[frame], self.burst[frame], self.drift[frame]
        local = 1.5 * ((self.burst_a + self.doming_a) * np.ptp(burst) + self.drift_a * np.ptp(drift))
        path = float(np.hypot(*np.ptp(track, axis=0))) + local
        parts = next((p for p in (1, 2, 4) if path / p <= longest_step_a), _SAMPLES)
        origin, burst0, drift0 = self.track_a[0].mean(axis=0), self.burst[0].mean(), self.drift[0].mean()
        groups = np.array_split(np.arange(_SAMPLES), parts)
        return [
            (track[g].mean(axis=0) - origin, float(burst[g].mean() - burst0), float(drift[g].mean() - drift0))
            for g in groups
        ]

    @classmethod
    def random(cls, settings: ExposureSettings, seed: int) -> TrueMotion:
        """Draw the motion of one exposure."""
        rng = np.random.default_rng(seed)
        frames, dose = settings.frames, settings.dose_per_frame_e_per_a2
        moments = (np.arange(frames * _SAMPLES) + 0.5).reshape(frames, _SAMPLES) * dose / _SAMPLES
        exposed = settings.pre_exposure_e_per_a2 + moments
        decay = max(settings.drift_dose_e_per_a2, 1e-6)
        burst = 1.0 - np.exp(-exposed / decay)
        part = moments / settings.dose_e_per_a2
        angles = rng.uniform(0.0, 2.0 * np.pi, 3)
        arrows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        bend = 0.35 * settings.drift_total_a * np.sin(np.pi * part) * rng.standard_normal()
        track = (
            settings.drift_burst_a * burst[..., None] * arrows[0]
            + settings.drift_total_a * part[..., None] * arrows[1]
            + bend[..., None] * np.array([-arrows[1, 1], arrows[1, 0]])
            + settings.jitter_a * rng.standard_normal((frames, 1, 2))
        )
        length_px = settings.local_length_a / settings.pixel_size_a
        return cls(
            settings.width_px,
            settings.height_px,
            settings.pixel_size_a,
            track,
            burst,
            part,
            0.8 * settings.local_motion_a,
            0.6 * settings.local_motion_a,
            settings.doming_a,
            SmoothField.random(rng, length_px),
            SmoothField.random(rng, length_px),
        )

    def still(self, keep_blur: bool = False) -> TrueMotion:
        """Return the same exposure without motion between frames, or with only what blurs each frame."""
        share = 1.0 if keep_blur else 0.0
        return replace(
            self,
            track_a=share * (self.track_a - self.track_a.mean(axis=1, keepdims=True)),
            burst=share * (self.burst - self.burst.mean(axis=1, keepdims=True)),
            drift=share * (self.drift - self.drift.mean(axis=1, keepdims=True)),
        )
