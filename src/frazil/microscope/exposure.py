"""Movies and micrographs of the virtual microscope."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numba
import numpy as np
from scipy import fft

from frazil.microscope.chance import derived_seed
from frazil.microscope.detector import Detector
from frazil.microscope.layers import (
    Canvas,
    MovingIce,
    damage_modes,
    ice_spectrum,
    molecule_spectrum,
    still_image,
    transmission,
)
from frazil.microscope.motion import TrueMotion
from frazil.microscope.scene import make_scene
from frazil.microscope.solids import damage_dose_e_per_a2, ice_left_after_sum
from frazil.microscope.truth import MASK_BIN_PX, ExposureTruth
from frazil.microscope.warp import add_displaced, block_centres_px

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from frazil.microscope.placement import ParticleTable
    from frazil.microscope.scene import Scene
    from frazil.microscope.settings import ExposureSettings
    from frazil.microscope.specimens import Specimen

_DELOCALISATION_A = 120.0
_TAPS_PX = 12
_DARKEST = 0.02


class _Layers:
    """What does not change from frame to frame."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.molecules = molecule_spectrum(canvas)
        self.still = still_image(canvas)
        self.share = transmission(canvas)

    def molecule_image(self, profile: NDArray[np.float64]) -> NDArray[np.float32]:
        """Relative intensity of the particles, filtered with a function of |k| given at ``canvas.k``."""
        half = self.molecules.copy()
        self.canvas.multiply(half, profile)
        return self.canvas.image(half)

    def mean_intensity(self) -> float:
        """Mean over the field, relative to vacuum."""
        inside = self.canvas.scene.field
        total = float(self.share[inside].mean(dtype=np.float64))
        if self.still is not None:
            total += float((self.share[inside] * self.still[inside]).mean(dtype=np.float64))
        pixels = self.canvas.shape[0] * self.canvas.shape[1]
        return total * (1.0 + float(self.molecules[0, 0].real) / pixels)


@dataclass(eq=False)
class SimulatedMovie:
    """A movie that is made while it is read.

    Attributes
    ----------
    settings
        What was asked for.
    truth
        What is true of it.
    gain
        Shape (h, w), float32: multiply frames with it; 0 for dead pixels.
    """

    settings: ExposureSettings
    truth: ExposureTruth
    detector: Detector
    _layers: _Layers = field(repr=False)

    @property
    def gain(self) -> NDArray[np.float32]:
        """Multiplicative gain reference: shape (h, w)."""
        return self.detector.gain

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """Count one frame after the other, each of shape (h, w)."""
        electrons = _electrons_per_px(self.settings)
        for f, rate in enumerate(self.intensities()):
            yield self.detector.expose(rate, electrons, derived_seed(self.settings.noise_seed, 5, f))

    def read(self) -> NDArray[np.uint8]:
        """All frames at once: shape (F, h, w)."""
        s = self.settings
        out = np.empty((s.frames, s.height_px, s.width_px), dtype=np.uint8)
        for f, frame in enumerate(self.frames()):
            out[f] = frame
        return out

    def intensities(self, with_ice: bool = True) -> Iterator[NDArray[np.float32]]:
        """Noiseless intensity of each frame relative to vacuum, displaced and blurred: shape (h, w).

        The array is used again for the next frame: copy what is to be kept.
        """
        s, layers, motion = self.settings, self._layers, self.truth.motion
        canvas = layers.canvas
        doses = _mid_doses(s)
        weights, modes = damage_modes(canvas, doses)
        damaged = [layers.molecule_image(mode) for mode in modes]
        blends = MovingIce(canvas).blends(doses) if with_ice and not s.dead else None
        burst_px, drift_px = self._block_fields()
        whole = np.empty(canvas.shape, dtype=np.float32)
        rate = np.empty((s.height_px, s.width_px), dtype=np.float32)
        for f in range(s.frames):
            whole.fill(1.0)
            for weight, image in zip(weights[f], damaged, strict=True):
                _add_scaled(whole, image, float(weight))
            if layers.still is not None:
                _add_scaled(whole, layers.still, 1.0)
            if blends is not None:
                before, after, t = next(blends)
                _add_scaled(whole, before, 1.0 - t)
                _add_scaled(whole, after, t)
            _finish(whole, layers.share, _DARKEST)
            rate.fill(0.0)
            moments = motion.moments(f)
            for shift_a, burst, drift in moments:
                add_displaced(
                    whole, canvas.scene.margin_px, shift_a / s.pixel_size_a, burst_px, burst, drift_px, drift,
                    1.0 / len(moments), rate,
                )  # fmt: skip
            yield rate

    def perfect_sum(self, dose_weighted: bool = False) -> NDArray[np.float32]:
        """Sum of all frames without motion, noise and ice structure, counted electrons per pixel: (h, w).

        What a perfect alignment would show of the specimen at its places in the first frame. Dose-weighted
        as ``Σ w_f F_f / sqrt(Σ w_f²)`` with the usual weights, which is the scale of one frame.
        """
        s, layers = self.settings, self._layers
        canvas, doses = layers.canvas, _mid_doses(s)
        critical = damage_dose_e_per_a2(canvas.k, s.optics.voltage_kv)
        left = np.exp(-s.damage * doses[:, None] / (2.0 * critical))
        weight = np.exp(-doses[:, None] / (2.0 * critical)) if dose_weighted else np.ones_like(left)
        scale = np.sqrt((weight**2).sum(axis=0)) if dose_weighted else np.ones_like(critical)
        image = layers.molecule_image((weight * left).sum(axis=0) / scale)
        if layers.still is not None:
            half: NDArray[np.complex64] = fft.rfft2(layers.still)
            canvas.multiply(half, weight.sum(axis=0) / scale)
            image += canvas.image(half)
        image += np.float32(weight[:, 0].sum() / scale[0])
        image *= layers.share
        image *= np.float32(_electrons_per_px(s))
        return np.ascontiguousarray(image[canvas.scene.field])

    def _block_fields(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        x, y = block_centres_px(self.settings.height_px, self.settings.width_px)
        burst, drift = self.truth.motion.local_fields_a(x, y)
        px = self.settings.pixel_size_a
        return (burst / px).astype(np.float32), (drift / px).astype(np.float32)


@dataclass(frozen=True, eq=False)
class SimulatedMicrograph:
    """An aligned, averaged micrograph: float32, counted electrons per pixel, and its truth.

    ``noiseless`` is what it shows of the specimen, without ice structure and counting noise.
    """

    image: NDArray[np.float32]
    noiseless: NDArray[np.float32]
    truth: ExposureTruth

    @property
    def settings(self) -> ExposureSettings:
        """What was asked for."""
        return self.truth.settings


def simulate_movie(
    settings: ExposureSettings,
    *,
    no_motion: bool = False,
    keep_blur: bool = False,
    specimens: tuple[Specimen, ...] | None = None,
    positions: ParticleTable | None = None,
    motion: TrueMotion | None = None,
) -> SimulatedMovie:
    """Prepare a movie; its frames are made when they are read.

    Parameters
    ----------
    settings
        What it is like.
    no_motion
        The same scene, ice, detector and (but for a few electrons) the same noise, perfectly still.
    keep_blur
        With ``no_motion``: every frame keeps the blur of the motion within it, which no alignment undoes.
    specimens, positions, motion
        Used instead of those that the settings name or draw, for tests.
    """
    drawn = motion or TrueMotion.random(settings, derived_seed(settings.seed, 3))
    layers = _Layers(Canvas(_stage(settings, specimens, positions)))
    shown = drawn.still(keep_blur) if no_motion else drawn
    truth = _truth(layers, shown, _electrons_per_px(settings))
    return SimulatedMovie(settings, truth, Detector.make(settings), layers)


def simulate_micrograph(
    settings: ExposureSettings,
    *,
    specimens: tuple[Specimen, ...] | None = None,
    positions: ParticleTable | None = None,
    blur_a: float = 0.0,
) -> SimulatedMicrograph:
    """Make an aligned average of all frames directly, gain-corrected and without faulty pixels.

    ``blur_a`` is the rms of motion left in it per axis, as a Gaussian.
    """
    scene = _stage(settings, specimens, positions)
    layers = _Layers(Canvas(scene))
    canvas = layers.canvas
    critical = damage_dose_e_per_a2(canvas.k, settings.optics.voltage_kv)
    doses = _mid_doses(settings)
    blur = np.exp(-2.0 * (np.pi * canvas.k * blur_a) ** 2)
    damage = np.exp(-settings.damage * doses[:, None] / (2.0 * critical)).mean(axis=0)
    signal = layers.molecule_image(blur * damage)[scene.field]
    if layers.still is not None:
        signal += layers.still[scene.field]
    share = layers.share[scene.field]
    half = ice_spectrum(canvas, derived_seed(settings.seed, 41, 0))
    canvas.multiply(half, blur * ice_left_after_sum(canvas.k, settings.dose_e_per_a2))
    ice = canvas.image(half)[scene.field]
    electrons = _electrons_per_px(settings) * settings.frames
    noiseless = np.maximum((1.0 + signal) * share, _DARKEST) * np.float32(electrons)
    expected = np.maximum((1.0 + signal + ice) * share, _DARKEST) * np.float32(electrons)
    rng = np.random.default_rng([settings.noise_seed, 7])
    image = rng.poisson(expected).astype(np.float32)
    motion = TrueMotion.random(settings, 0).still()
    return SimulatedMicrograph(image, noiseless, _truth(layers, motion, electrons))


def _stage(
    settings: ExposureSettings, specimens: tuple[Specimen, ...] | None, positions: ParticleTable | None
) -> Scene:
    """Scene on a canvas that is large enough for any motion and for what the lens delocalises.

    It depends on the settings only, so that a still exposure of the same seed shows the same scene.
    """
    reach = settings.drift_burst_a + 1.5 * settings.drift_total_a + 5.0 * settings.jitter_a
    reach += 3.5 * settings.local_motion_a + settings.doming_a + _DELOCALISATION_A
    margin = int(np.ceil(reach / settings.pixel_size_a)) + _TAPS_PX
    height = fft.next_fast_len(settings.height_px + 2 * margin, real=True)
    width = fft.next_fast_len(settings.width_px + 2 * margin, real=True)
    return make_scene(settings, height, width + width % 2, margin, specimens, positions)


def _truth(layers: _Layers, motion: TrueMotion, electrons: float) -> ExposureTruth:
    scene = layers.canvas.scene
    masks = {name: scene.field_mask(name, MASK_BIN_PX) for name in scene.surroundings.masks}
    mean = electrons * layers.mean_intensity()
    return ExposureTruth(scene.settings, motion, scene.particles, masks, mean)


def _electrons_per_px(settings: ExposureSettings) -> float:
    """Electrons per pixel and frame that are counted in vacuum."""
    return settings.dose_per_frame_e_per_a2 * settings.pixel_size_a**2 * settings.dqe0


def _mid_doses(settings: ExposureSettings) -> NDArray[np.float64]:
    """Dose in the middle of each frame: shape (F,)."""
    step = settings.dose_per_frame_e_per_a2
    return settings.pre_exposure_e_per_a2 + step * (np.arange(settings.frames, dtype=np.float64) + 0.5)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _add_scaled(total: NDArray[np.float32], image: NDArray[np.float32], scale: float) -> None:
    factor = np.float32(scale)
    for y in range(total.shape[0]):
        for x in range(total.shape[1]):
            total[y, x] += factor * image[y, x]


@numba.njit(nogil=True, cache=True, fastmath=True)
def _finish(whole: NDArray[np.float32], share: NDArray[np.float32], darkest: float) -> None:
    """Multiply with the transmission; an intensity is never negative."""
    low = np.float32(darkest)
    for y in range(whole.shape[0]):
        for x in range(whole.shape[1]):
            whole[y, x] = max(whole[y, x] * share[y, x], low)
