"""The gain reference of an export, turned as it was applied: RELION's polishing turns nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from frazil.formats.gain import read_gain
from frazil.formats.mrc import write_mrc
from frazil.formats.star import read_star
from frazil.stages.export.pin import pin_movie
from frazil.stages.listed_gain import KNOWN_TO_RELION

if TYPE_CHECKING:
    from frazil.model.settings_input import GainSettings
    from frazil.stages.export.gather import Gathered
    from frazil.stages.export.progress import Progress
    from frazil.stages.export.request import ExportRequest


def gain_name(settings: GainSettings) -> str:
    """Name the gain reference as the tables of an export do; "" if there is none."""
    if settings.gain_path is None:
        return ""
    suffix = Path(settings.gain_path).suffix
    return (
        "raw/gain.mrc" if _changed(settings) or suffix.lower() not in KNOWN_TO_RELION else f"raw/gain{suffix}"
    )


def _changed(settings: GainSettings) -> bool:
    """Whether frames were multiplied with something else than the file holds."""
    turned = settings.gain_rotation_deg or settings.gain_flip_x or settings.gain_flip_y
    return bool(turned) or settings.gain_invert == "on"


def bring_gain(folder: Path, movie: Gathered, request: ExportRequest, progress: Progress) -> None:
    """Bring the gain reference of a movie in, under the name that the motion files give it."""
    settings = movie.settings.gain
    if settings.gain_path is None:
        return
    source, target = Path(settings.gain_path), folder / gain_name(settings)
    if not source.is_file():
        progress.note(f"the gain reference is not at {source} any more; it is left out")
        return
    if target.suffix == source.suffix and not _changed(settings):
        pin_movie(source, target, request.files)
        return
    if not movie.has("motion_star"):
        progress.note(
            f"the gain reference {source} is not as it was applied, and RELION's polishing turns nothing: "
            "it is left out; export the motion files as well"
        )
        return
    general = read_star(movie.files.motion_star)["general"]
    gain = read_gain(
        source,
        height_px=int(general.integers("rlnImageSizeY")[0]),
        width_px=int(general.integers("rlnImageSizeX")[0]),
        rotation_deg=settings.gain_rotation_deg,
        flip_x=settings.gain_flip_x,
        flip_y=settings.gain_flip_y,
        invert="auto" if settings.gain_invert == "auto" else settings.gain_invert == "on",
        for_eer=(movie.movie.raw_path or "").lower().endswith(".eer"),
    )
    pixel_a = float(general.numbers("rlnMicrographOriginalPixelSize")[0])
    write_mrc(target, gain, pixel_a, depth="float32")
