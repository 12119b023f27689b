"""What Warp found out about one movie: ``<movie>.xml`` of its folder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from frazil.formats.safe_xml import Element
from frazil.formats.warp_xml import read_warp_xml

if TYPE_CHECKING:
    from pathlib import Path

_UM_IN_A = 1e4
_NOTHING = Element("", {}, "")
_NO_RESOLUTION_A = 900.0
"""Warp and others write 999 Å for none."""


@dataclass(frozen=True)
class WarpMovie:
    """Numbers of one movie; None for what Warp does not (yet) say.

    Attributes
    ----------
    passes_filters
        Whether it passes the filters of Warp's window.
    deselected
        By hand: True, False; None where nobody decided.
    defocus_u_a, defocus_v_a, astigmatism_angle_deg, phase_shift_deg
        CTF in our units, U the larger underfocus.
    ctf_resolution_a
        To where the fit holds.
    mean_frame_movement_a
        Mean length of a step from frame to frame, over the first third of the frames.
    masked_fraction
        Share of the picture that is masked as contamination.
    frames, dose_per_frame_e_per_a2
        Of the movie.
    """

    passes_filters: bool
    deselected: bool | None
    defocus_u_a: float | None = None
    defocus_v_a: float | None = None
    astigmatism_angle_deg: float | None = None
    phase_shift_deg: float | None = None
    ctf_resolution_a: float | None = None
    mean_frame_movement_a: float | None = None
    masked_fraction: float | None = None
    frames: int | None = None
    dose_per_frame_e_per_a2: float | None = None

    @property
    def is_good(self) -> bool:
        """Whether Warp counts its particles among the good ones."""
        return self.passes_filters and not self.deselected


def read_warp_movie(path: Path) -> WarpMovie:
    """Read the XML of one movie.

    Raises `InputError` where it can't be read or is not Warp's (also while it is being written),
    `PassingError` where the disk fails.
    """
    root = read_warp_xml(path, "Movie")
    words = root.attributes
    ctf, exported, options = (
        _params(root.find(name)) for name in ("CTF", "OptionsMovieExport", "OptionsCTF")
    )
    resolution_a = _number(words.get("CTFResolutionEstimate"))
    if resolution_a is not None and not 0.0 < resolution_a < _NO_RESOLUTION_A:
        resolution_a = None
    masked = _number(words.get("MaskPercentage"))
    u_a, v_a, angle_deg = _defocus(ctf)
    phase = _number(ctf.get("PhaseShift"))
    return WarpMovie(
        passes_filters=words.get("UnselectFilter", "").lower() != "true",
        deselected={"true": True, "false": False}.get(words.get("UnselectManual", "").lower()),
        defocus_u_a=u_a,
        defocus_v_a=v_a,
        astigmatism_angle_deg=angle_deg,
        phase_shift_deg=None if phase is None or u_a is None else 180.0 * phase,
        ctf_resolution_a=resolution_a,
        mean_frame_movement_a=_positive(_number(words.get("MeanFrameMovement"))),
        masked_fraction=None if masked is None or masked < 0 else masked / 100.0,
        frames=_frames(options.get("Dimensions", "")),
        dose_per_frame_e_per_a2=_positive(_number(exported.get("DosePerAngstromFrame"))),
    )


def _defocus(ctf: dict[str, str]) -> tuple[float, float, float] | tuple[None, None, None]:
    mean_um, delta_um = _number(ctf.get("Defocus")), _number(ctf.get("DefocusDelta")) or 0.0
    if mean_um is None:
        return None, None, None
    angle_deg = _number(ctf.get("DefocusAngle")) or 0.0
    if delta_um < 0:
        delta_um, angle_deg = -delta_um, angle_deg + 90.0
    return (mean_um + delta_um / 2) * _UM_IN_A, (mean_um - delta_um / 2) * _UM_IN_A, angle_deg


def _params(section: Element | None) -> dict[str, str]:
    return {
        child.attributes.get("Name", ""): child.attributes.get("Value", "")
        for child in (section or _NOTHING).children
        if child.name == "Param"
    }


def _frames(dimensions: str) -> int | None:
    """Third of "x, y, frames"; x and y are Å there."""
    number = _number(dimensions.rpartition(",")[2]) if dimensions.count(",") == 2 else None
    return round(number) if number is not None and 1 <= number < 1e6 else None


def _number(word: str | None) -> float | None:
    try:
        number = float(word or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number != -9999 else None


def _positive(number: float | None) -> float | None:
    return number if number is not None and number > 0 else None
