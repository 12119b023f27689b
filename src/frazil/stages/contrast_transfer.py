"""Stage ctf: fit the CTF of one micrograph, store its spectrum, curves and pictures."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.compute.ctf.estimate import average_spectrum, better_fit, estimate_ctf
from frazil.compute.ctf.spectra import periodograms_of_micrograph, spectrum_of_file_image
from frazil.formats.atomic import atomic_path
from frazil.formats.mrc import read_mrc, write_mrc
from frazil.model.ctf import CtfFit, CtfProfile
from frazil.stages.pictures import profile_picture, save_picture
from frazil.stages.spectrum_picture import spectrum_picture

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.model.periodograms import Periodograms
    from frazil.model.settings_movie import CtfSettings
    from frazil.stages.exposure import Exposure
    from frazil.stages.record import MovieRecord

_NUMBERS = (
    "defocus_u_a",
    "defocus_v_a",
    "astigmatism_angle_deg",
    "phase_shift_deg",
    "defocus_u_error_a",
    "defocus_v_error_a",
    "astigmatism_angle_error_deg",
    "phase_shift_error_deg",
    "ice_ring",
    "tilt_deg",
    "tilt_axis_deg",
    "thickness_a",
)
_DOSE_FOR_GROUPS_E_PER_A2 = 25.0
_OTHER_NAMES = {"ctf_score": "score", "ctf_resolution_a": "fit_resolution_a"}


def fit_settings(settings: CtfSettings) -> dict[str, Any]:
    """Arguments of `estimate_ctf` that the settings give."""
    known = None
    if settings.known_astigmatism_a is not None and settings.known_astigmatism_angle_deg is not None:
        known = (settings.known_astigmatism_a, settings.known_astigmatism_angle_deg)
    return {
        "low_a": settings.ctf_low_a,
        "high_a": settings.ctf_high_a,
        "defocus_min_a": settings.defocus_min_a,
        "defocus_max_a": settings.defocus_max_a,
        "defocus_step_a": settings.defocus_step_a,
        "fit_astigmatism": settings.fit_astigmatism,
        "astigmatism_max_a": settings.astigmatism_max_a,
        "known_astigmatism": known,
        "fit_phase_shift": settings.fit_phase_shift,
        "phase_shift_min_deg": settings.phase_shift_min_deg,
        "phase_shift_max_deg": settings.phase_shift_max_deg,
        "phase_shift_step_deg": settings.phase_shift_step_deg,
        "fit_tilt": settings.fit_tilt,
        "known_tilt_axis_deg": settings.known_tilt_axis_deg,
        "fit_thickness": settings.fit_thickness,
    }


def run_ctf(exposure: Exposure) -> None:
    """Fit the CTF and store everything that belongs to it."""
    settings = exposure.settings
    periodograms, fit = _best_fit(exposure)
    exposure.ctf = fit
    exposure.numbers.update(ctf_numbers(fit))
    if fit.note:
        exposure.notes.append(f"CTF: {fit.note}")
    files, optics = exposure.files, exposure.optics
    spectrum_wanted = settings.alignment.write_power_spectrum

    def write() -> None:
        amplitudes = centred_amplitudes(periodograms)
        if spectrum_wanted:
            write_mrc(files.spectrum, amplitudes, periodograms.pixel_size_a, depth="float32")
        _write_profile(files.profile, fit.profile)
        spectrum = spectrum_picture(amplitudes, periodograms.pixel_size_a, fit, optics)
        save_picture(files.picture("spectrum"), spectrum)
        save_picture(files.picture("profile"), profile_picture(fit.profile, ctf_title(fit)))

    products = [files.profile, files.picture("spectrum"), files.picture("profile")]
    exposure.later(write, *((files.spectrum,) if spectrum_wanted else ()), *products)


def _best_fit(exposure: Exposure) -> tuple[Periodograms, CtfFit]:
    """Fit the spectra of the frames' dose groups; where they may be too weak, also those of the average.

    Groups show rings of what moves between them (ice), but each has a share of the dose only.
    """
    arguments = fit_settings(exposure.settings.ctf)
    groups = _group_spectra(exposure)
    if groups is None:
        average = _average_spectra(exposure)
        return average, estimate_ctf(average, exposure.optics, **arguments)
    fit = estimate_ctf(groups, exposure.optics, **arguments)
    dose = exposure.settings.microscope.dose_per_movie_e_per_a2
    if not fit.doubtful and fit.has_rings and dose is not None and dose >= _DOSE_FOR_GROUPS_E_PER_A2:
        return groups, fit
    average = _average_spectra(exposure)
    other = estimate_ctf(average, exposure.optics, **arguments)
    return (groups, fit) if better_fit(fit, other) is fit else (average, other)


def _group_spectra(exposure: Exposure) -> Periodograms | None:
    """Spectra of the aligned dose groups: of this run, or as stored; None for averaged micrographs."""
    if exposure.periodograms is not None:
        return exposure.periodograms
    stored = exposure.files.spectrum
    if exposure.is_movie and stored.exists() and not exposure.settings.ctf.fit_tilt:
        image = read_mrc(stored)
        if image.pixel_size_a is not None:
            return spectrum_of_file_image(image.data.astype(np.float32), image.pixel_size_a)
    return None


def _average_spectra(exposure: Exposure) -> Periodograms:
    return micrograph_spectra(
        exposure.micrograph(), exposure.pixel_size_a, exposure.settings.ctf, exposure.task.device
    )


def micrograph_spectra(
    image: NDArray[np.float32], pixel_size_a: float, settings: CtfSettings, device: str = "cpu"
) -> Periodograms:
    """Tile spectra of an averaged micrograph, as fine as the fit is to go (and its plot a little further)."""
    return periodograms_of_micrograph(
        image,
        pixel_size_a,
        tile_px=settings.ctf_window_px,
        finest_a=min(2.9, settings.ctf_high_a * 0.83),
        device=device,
    )


def centred_amplitudes(periodograms: Periodograms) -> NDArray[np.float32]:
    """Amplitude spectrum (n, n) with the zero frequency at pixel n // 2."""
    half = average_spectrum(periodograms)
    n = half.shape[0]
    full = np.empty((n, n), np.float32)
    full[:, : n // 2 + 1] = half
    rest = np.arange(n // 2 + 1, n)
    full[:, rest] = half[(-np.arange(n)) % n][:, n - rest]
    amplitudes: NDArray[np.float32] = np.sqrt(np.fft.fftshift(full))
    return amplitudes


def ctf_numbers(fit: CtfFit) -> dict[str, float]:
    """Numbers of a fit under the names of the session's table."""
    numbers = {name: float(getattr(fit, name)) for name in _NUMBERS}
    numbers |= {name: float(getattr(fit, attribute)) for name, attribute in _OTHER_NAMES.items()}
    numbers["defocus_mean_a"] = fit.defocus_mean_a
    numbers["defocus_error_a"] = max(fit.defocus_u_error_a, fit.defocus_v_error_a)
    numbers["astigmatism_a"] = fit.astigmatism_a
    numbers["ctf_has_rings"] = float(fit.has_rings)
    numbers["ctf_doubtful"] = float(fit.doubtful)
    return numbers


def ctf_of_record(record: MovieRecord) -> CtfFit:
    """Fit as far as the record tells: everything but the curves."""
    empty = np.empty(0)
    values = {name: record.number(name) for name in _NUMBERS}
    values |= {attribute: record.number(name) for name, attribute in _OTHER_NAMES.items()}
    return CtfFit(
        **values,
        has_rings=record.number("ctf_has_rings") == 1.0,
        doubtful=record.number("ctf_doubtful") == 1.0,
        note="",
        profile=CtfProfile(empty, empty, empty, empty),
    )


def ctf_title(fit: CtfFit) -> str:
    """One line about a fit, in the letters that the pictures' font has."""
    if not fit.has_rings:
        return "no Thon rings"
    return (
        f"{fit.defocus_u_a:.0f} / {fit.defocus_v_a:.0f} A, {fit.astigmatism_angle_deg:.0f} deg, "
        f"fits to {fit.fit_resolution_a:.1f} A{', doubtful' if fit.doubtful else ''}"
    )


def _write_profile(path: Path, profile: CtfProfile) -> None:
    curves = {
        name: [round(value, 6) if math.isfinite(value) else None for value in values.tolist()]
        for name, values in (
            ("frequency_per_a", profile.frequency_per_a),
            ("spectrum", profile.spectrum),
            ("fit", profile.fit),
            ("agreement", profile.agreement),
        )
    }
    with atomic_path(path) as part:
        part.write_text(json.dumps(curves), encoding="utf-8")
