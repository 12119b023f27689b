"""``frazil ctf``: the CTF of one file."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from frazil.compute.ctf.estimate import estimate_ctf
from frazil.compute.ctf.spectra import spectrum_of_file_image
from frazil.model.errors import InputError
from frazil.model.optics import Optics
from frazil.model.settings import Settings, all_settings, with_values
from frazil.stages.averaged import read_image
from frazil.stages.contrast_transfer import (
    centred_amplitudes,
    ctf_numbers,
    fit_settings,
    micrograph_spectra,
)
from frazil.stages.pictures import save_picture
from frazil.stages.spectrum_picture import spectrum_picture

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from frazil.model.ctf import CtfFit

_MICROSCOPE = ("pixel_size_a", "voltage_kv", "cs_mm", "amplitude_contrast")


@dataclass(frozen=True)
class CtfRequest:
    """One file and the values of settings; ``picture`` is written where it is given."""

    file: Path
    values: Mapping[str, object]
    is_spectrum: bool
    picture: Path | None = None


@dataclass(frozen=True)
class CtfReport:
    """A fit, ready to be shown."""

    file: Path
    fit: CtfFit

    def as_json(self) -> str:
        """All numbers and the curves; null where there is none."""
        numbers: dict[str, object] = {
            name: value if math.isfinite(value) else None for name, value in ctf_numbers(self.fit).items()
        }
        profile = self.fit.profile
        numbers |= {
            "file": str(self.file),
            "ctf_has_rings": self.fit.has_rings,
            "ctf_doubtful": self.fit.doubtful,
            "note": self.fit.note,
            "profile": {
                name: [value if math.isfinite(value) else None for value in getattr(profile, name).tolist()]
                for name in ("frequency_per_a", "spectrum", "fit", "agreement")
            },
        }
        return json.dumps(numbers, indent=1)

    def as_text(self) -> str:
        """Summarise in a few lines for a person."""
        fit = self.fit
        if not fit.has_rings:
            return f"{self.file}: {fit.note or 'no Thon rings'}"
        lines = [
            f"{self.file}",
            f"  defocus U       {fit.defocus_u_a:9.0f} Å   ± {fit.defocus_u_error_a:.0f}",
            f"  defocus V       {fit.defocus_v_a:9.0f} Å   ± {fit.defocus_v_error_a:.0f}",
            f"  astigmatism     {fit.astigmatism_a:9.0f} Å   U at {fit.astigmatism_angle_deg:.1f}°",
            f"  score           {fit.score:9.3f}",
            f"  rings fit to    {fit.fit_resolution_a:9.1f} Å",
        ]
        if fit.phase_shift_deg:
            lines.append(f"  phase shift     {fit.phase_shift_deg:9.1f}°   ± {fit.phase_shift_error_deg:.1f}")
        if math.isfinite(fit.tilt_deg):
            lines.append(f"  tilt            {fit.tilt_deg:9.1f}°   axis at {fit.tilt_axis_deg:.1f}°")
        if math.isfinite(fit.thickness_a):
            lines.append(f"  thickness       {fit.thickness_a:9.0f} Å")
        if fit.doubtful or fit.note:
            lines.append(f"  {'DOUBTFUL: ' if fit.doubtful else ''}{fit.note}")
        return "\n".join(lines)


def fit_file(request: CtfRequest) -> CtfReport:
    """Fit the CTF of an averaged micrograph or of an amplitude spectrum.

    Raises `InputError` where the file or a setting can't be used.
    """
    for name in request.values:
        if name not in _MICROSCOPE and name in all_settings() and all_settings()[name].tab != "ctf":
            raise InputError(f"{name} has no effect here: only settings of the CTF fit have")
    settings = with_values(Settings(), request.values)
    microscope = settings.microscope
    pixel, voltage = microscope.pixel_size_a, microscope.voltage_kv
    if pixel is None or voltage is None:
        raise InputError("pixel_size_a and voltage_kv are needed")
    optics = Optics(voltage, microscope.cs_mm, microscope.amplitude_contrast)
    image = np.asarray(read_image(request.file), np.float32)
    try:
        if request.is_spectrum:
            periodograms = spectrum_of_file_image(image, pixel)
        else:
            periodograms = micrograph_spectra(image, pixel, settings.ctf)
        fit = estimate_ctf(periodograms, optics, **fit_settings(settings.ctf))
    except InputError as error:
        raise InputError(f"{request.file}: {error}") from error
    if request.picture is not None:
        amplitudes = centred_amplitudes(periodograms)
        save_picture(request.picture, spectrum_picture(amplitudes, periodograms.pixel_size_a, fit, optics))
    return CtfReport(request.file, fit)
