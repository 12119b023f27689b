"""Estimate the motion of one movie: from binned frames to a `MotionField`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.fft import next_fast_len

from frazil.compute.motion.emphasis import signal_window
from frazil.compute.motion.frame_spectra import FrameSpectra
from frazil.compute.motion.global_fit import GlobalFit, fit_global, refine_global
from frazil.compute.motion.ice_patches import IcePatches
from frazil.compute.motion.joint_fit import FINEST_A, fit_jointly
from frazil.compute.motion.local_fit import LocalFit, fit_local
from frazil.compute.motion.patches import cut_patches, frame_groups
from frazil.compute.motion.spectra import shift_error_bound_a
from frazil.compute.parallel import single_threaded_torch
from frazil.model.errors import InputError
from frazil.model.motion import MotionField

if TYPE_CHECKING:
    import torch
    from numpy.typing import ArrayLike, NDArray

    from frazil.compute.motion.binned import BinnedFrames
    from frazil.compute.motion.likelihood import Frames

_USABLE_MEAN = (0.4, 2.5)
_USABLE_LEVEL = 30.0
_LEAST_SPREAD = 3e-3
_EARLY_DOSE = 4.0
_MIN_SIDE = 32
_FEWEST_LEFT = 3
_SURE_ENOUGH_A = 0.1
"""With more error than this to expect, the movie is looked at again where and as finely as it shows most."""
_FINER = 0.55
"""Resolution of the second look relative to the first."""
_SMALL_PATCH_A = 350.0
"""Side of patches in the second look: as large as a particle and its surroundings."""
_ICE_SHOWS_A = 4.5
"""Ice scatters little into detail coarser than this."""
_MOST_COEFFICIENTS = 8_000_000
"""Of all frames: a larger field is sure enough without its ice, or takes too long."""


@single_threaded_torch()
def align_frames(
    binned: BinnedFrames,
    *,
    binning: int,
    width_px: int,
    height_px: int,
    pixel_size_a: float,
    dose_per_frame_e_per_a2: float,
    pre_exposure_e_per_a2: float = 0.0,
    local: bool = True,
    patch_grid: tuple[int, int] | None = None,
    patch_size_a: float = 520.0,
    patch_overlap: float = 0.25,
    band_low_a: float = 300.0,
    band_high_a: float = 8.0,
    frame_weights: ArrayLike | None = None,
    voltage_kv: float = 300.0,
    device: torch.device | str = "cpu",
    threads: int = 1,
) -> MotionField:
    """Motion of the specimen through a movie, global and local.

    Parameters
    ----------
    binned
        Gain-corrected frames, hot pixels mended.
    binning, width_px, height_px, pixel_size_a
        How often a pixel of the movie goes into a side of theirs; the movie's size and pixel, Å.
    dose_per_frame_e_per_a2, pre_exposure_e_per_a2
        Dose of each frame and before the first, e/Å²; the latter tells how much of the burst is over.
    local
        Whether to look for motion that differs across the field. It is kept only where the data speak for
        it by more than it costs (Bayesian evidence).
    patch_grid
        B-spline nodes of the local field (gy, gx), at least 4 each; by default one per 800 Å and three more.
    patch_size_a, patch_overlap
        Side of the patches, Å, and by how much neighbours overlap, as a share of it.
    band_low_a, band_high_a
        Resolutions between which spectra are compared, Å.
    frame_weights
        Shape (F,): trust in each frame, 0 to leave it out (it is then moved along with its neighbours).
    voltage_kv
        For the loss of signal by radiation damage.
    device, threads
        Where transforms are made, and on how many threads.

    Returns
    -------
    field
        Zero in the first frame. ``note`` says what was left out and why; ``diagnostics`` holds numbers for
        the log. Frames without content are followed by the prior alone; a movie with fewer than two usable
        frames gets a still field.

    Raises
    ------
    InputError
        If the arguments contradict each other.

    Notes
    -----
    See `likelihood` and `local_fit` for the likelihood and `basis` for the priors. A small field whose motion
    is not sure is looked at twice more: where and as finely as the specimen shows most, and in the detail in
    which ice shows (`ice`, `joint_fit`).
    """
    count, height, width = binned.shape
    _check(count, pixel_size_a, dose_per_frame_e_per_a2, frame_weights)
    still = MotionField.still(count, width_px, height_px, pixel_size_a)
    trust, notes = _trust(binned.means, binned.stds, frame_weights)
    if np.count_nonzero(trust) < 2:
        note = "one frame: nothing to align" if count == 1 else "fewer than two usable frames: not aligned"
        return _noted(still, [note])
    if min(height, width) < _MIN_SIDE:
        return _noted(still, [f"frames of {width} x {height} binned pixels are too small to align"])
    pixel = pixel_size_a * binning
    dose_start = pre_exposure_e_per_a2 + np.arange(count, dtype=np.float64) * dose_per_frame_e_per_a2
    dose_end = dose_start + dose_per_frame_e_per_a2
    padded = (int(next_fast_len(height)), int(next_fast_len(width)))
    middle_dose = 0.5 * (dose_start + dose_end)
    movie = FrameSpectra(binned, padded, pixel, trust, middle_dose, voltage_kv, device, threads)
    frames = movie.frames(band_low_a, band_high_a)
    whole = fit_global(frames, dose_start, dose_end)
    lost = frames.without_signal(whole.signal)
    if np.count_nonzero(trust) - lost.size < _FEWEST_LEFT:
        lost = lost[:0]
    if lost.size:
        notes.append(f"frames without a trace of the specimen: {', '.join(str(f + 1) for f in lost)}")
        frames.drop(lost)
        whole = fit_global(frames, dose_start, dose_end)
    diagnostics = _numbers(frames, whole, height * width * pixel**2)
    emphasis = None
    if diagnostics["global_expected_error_a"] > _SURE_ENOUGH_A:
        emphasis = signal_window(frames, whole.signal, (height, width), padded, pixel)
        frames = movie.frames(band_low_a, _FINER * band_high_a, emphasis, whole.shift_a)
        frames.drop(lost)
        frames.move_to(whole.shift_a)
        whole = refine_global(frames, dose_start, dose_end)
        patch_size_a = min(patch_size_a, _SMALL_PATCH_A)
    extent = (height * pixel, width * pixel)
    found = None
    if local:
        groups = frame_groups(dose_start, dose_end)
        patches = cut_patches(
            frames,
            groups,
            pixel,
            (height, width),
            padded,
            patch_a=patch_size_a,
            overlap=patch_overlap,
            low_a=band_low_a,
            emphasis=emphasis,
            threads=threads,
        )
        found = fit_local(patches, groups, dose_start, dose_end, extent, grid=patch_grid)
    if emphasis is not None and _shows_ice(extent, pixel, count):
        del frames
        fine = movie.frames(band_low_a, FINEST_A, None, whole.shift_a, fading=False)
        fine.drop(lost)
        fine.move_to(whole.shift_a)
        pieces = cut_patches(
            fine,
            [[frame] for frame in range(count)],
            pixel,
            (height, width),
            padded,
            patch_a=patch_size_a,
            overlap=patch_overlap,
            low_a=band_low_a,
            threads=threads,
        )
        pieces.shift_a[:] = whole.shift_a
        by_ring = IcePatches.of(pieces, middle_dose, voltage_kv)
        start = found.nodes_a if found is not None and found.log_odds > 0 else None
        finer = fit_jointly(
            by_ring, pieces.place, whole, start, dose_start, dose_end, extent, grid=patch_grid, local=local
        )
        # Patches lose the rim of the field; where specimen fills it that can be more than ice adds.
        if (
            _error_numbers(finer[0])["global_expected_error_a"]
            < _error_numbers(whole)["global_expected_error_a"]
        ):
            whole, found = finer
        diagnostics |= _error_numbers(whole)
    nodes = None
    if found is not None:
        diagnostics |= _local_numbers(found)
        if found.log_odds > 0:
            nodes = found.nodes_a
        else:
            notes.append(f"no local motion is seen ({found.log_odds:.1f} nats): frames move as a whole")
    return _field(still, whole, nodes, notes, diagnostics)


def motion_summary(field: MotionField, dose_e_per_a2: ArrayLike) -> dict[str, float]:
    """How far the specimen went: path lengths of the global track in Å, early and late, and local spread.

    Parameters
    ----------
    dose_e_per_a2
        Shape (F,): accumulated dose at the **end** of each frame, e/Å². Steps that end within 4 e/Å² are
        early, as RELION counts them.

    Returns
    -------
    summary
        ``total_a``, ``early_a``, ``late_a`` (sums of steps), ``mean_step_a``, ``max_step_a``, ``net_a`` (from
        first to last frame) and ``local_rms_a`` (of the motion relative to the global track).
    """
    dose = np.asarray(dose_e_per_a2, dtype=np.float64)
    if dose.shape != (field.frames,):
        raise InputError(f"{dose.size} doses for {field.frames} frames; one dose per frame is needed")
    steps = np.hypot(*np.diff(field.global_shift_a, axis=0).T)
    early = steps[dose[1:] <= _EARLY_DOSE + 1e-6]
    total = float(steps.sum())
    x, y = np.meshgrid(np.linspace(0, field.width_px - 1, 9), np.linspace(0, field.height_px - 1, 9))
    local = field.local_shift_a(x, y)
    return {
        "total_a": total,
        "early_a": float(early.sum()),
        "late_a": total - float(early.sum()),
        "mean_step_a": float(steps.mean()) if steps.size else 0.0,
        "max_step_a": float(steps.max()) if steps.size else 0.0,
        "net_a": float(np.hypot(*(field.global_shift_a[-1] - field.global_shift_a[0]))),
        "local_rms_a": float(np.sqrt((local**2).sum(-1).mean())),
    }


def _check(frames: int, pixel_a: float, dose: float, weights: ArrayLike | None) -> None:
    if frames < 1:
        raise InputError("there are no frames to align")
    if not pixel_a > 0:
        raise InputError(f"pixel size is {pixel_a} Å; it must be positive")
    if not dose > 0:
        raise InputError(f"dose per frame is {dose} e/Å²; it must be positive")
    if weights is not None and np.shape(weights) != (frames,):
        raise InputError(f"{np.size(weights)} frame weights for {frames} frames")


def _trust(
    means: NDArray[np.float64], spread: NDArray[np.float64], frame_weights: ArrayLike | None
) -> tuple[NDArray[np.float64], list[str]]:
    """Weight of each frame (F,), and a note if some are left out."""
    fine = np.isfinite(means) & np.isfinite(spread) & (means > 0) & (spread > _LEAST_SPREAD * np.abs(means))
    typical = float(np.median(means[fine])) if fine.any() else 0.0
    fine &= (means > _USABLE_MEAN[0] * typical) & (means < _USABLE_MEAN[1] * typical)
    if fine.any():
        # Counting noise has a variance in proportion to the mean; a spoilt frame does not.
        noise = spread**2 / np.maximum(means, 1e-30)
        usual = float(np.median(noise[fine]))
        fine &= (noise < _USABLE_LEVEL * usual) & (noise > usual / _USABLE_LEVEL)
    trust = fine.astype(np.float64)
    if frame_weights is not None:
        trust *= np.clip(np.nan_to_num(np.asarray(frame_weights, dtype=np.float64)), 0.0, 1.0)
    left_out = [str(i + 1) for i in np.nonzero(~fine)[0]]
    return trust, [f"frames left out (blank or spoilt): {', '.join(left_out)}"] if left_out else []


def _shows_ice(extent_a: tuple[float, float], pixel_a: float, frames: int) -> bool:
    """Whether pixels are fine enough to show ice, and the coefficients few enough to look at all of them."""
    coefficients = 0.5 * np.pi * extent_a[0] * extent_a[1] / FINEST_A**2 * frames
    return 2 * pixel_a <= _ICE_SHOWS_A and coefficients <= _MOST_COEFFICIENTS


def _numbers(frames: Frames, fit: GlobalFit, area_a2: float) -> dict[str, float]:
    kept = frames.kept.sum(0) / max(np.count_nonzero(frames.kept.sum(1)), 1)
    return {
        "global_error_bound_a": shift_error_bound_a(fit.signal * kept, frames.band.ring_k, area_a2),
        **_error_numbers(fit),
    }


def _error_numbers(fit: GlobalFit) -> dict[str, float]:
    centring = np.eye(len(fit.shift_a)) - 1 / len(fit.shift_a)
    variance = np.diag(centring @ fit.covariance_a2 @ centring)
    return {
        "global_expected_error_a": float(np.sqrt(max(2 * variance.mean(), 0.0))),
        "jitter_a": fit.prior.jitter_a,
    }


def _local_numbers(found: LocalFit) -> dict[str, float]:
    return {
        "local_log_odds": found.log_odds,
        "local_length_a": found.length_a,
        "local_expected_error_a": found.expected_error_a,
    }


def _noted(field: MotionField, notes: list[str]) -> MotionField:
    return MotionField(
        field.width_px, field.height_px, field.pixel_size_a, field.global_shift_a, field.global_error_a, None,
        "; ".join(notes),
    )  # fmt: skip


def _field(
    still: MotionField,
    fit: GlobalFit,
    nodes: NDArray[np.float64] | None,
    notes: list[str],
    diagnostics: dict[str, float],
) -> MotionField:
    """Refer everything to the first frame and give the mean of the local field to the global track."""
    shift = fit.shift_a - fit.shift_a[0]
    covariance = fit.covariance_a2
    variance = np.diag(covariance) + covariance[0, 0] - 2 * covariance[0]
    error = np.repeat(np.sqrt(np.maximum(variance, 0.0))[:, None], 2, axis=1)
    width, height, pixel = still.width_px, still.height_px, still.pixel_size_a
    if nodes is not None:
        nodes = nodes - nodes[:1]
        field = MotionField(width, height, pixel, shift, error, nodes)
        x, y = np.meshgrid(np.linspace(0, width - 1, 17), np.linspace(0, height - 1, 17))
        common = field.local_shift_a(x, y).mean(axis=(1, 2))
        nodes = nodes - common[:, None, None, :]
        shift = shift + common
    return MotionField(width, height, pixel, shift, error, nodes, "; ".join(notes), diagnostics)
