"""The gain reference of an export, turned as it was applied: RELION's polishing turns nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from frazil.formats.gain import read_gain
from frazil.formats.mrc import write_mrc
from frazil.formats.star import read_star
from frazil.stages.export.pin import pin_movie

if TYPE_CHECKING:
    from frazil.stages.export.gather import Gathered
    from frazil.stages.export.progress import Progress
    from frazil.stages.export.request import ExportRequest


def bring_gain(folder: Path, movie: Gathered, request: ExportRequest, progress: Progress) -> None:
    """Bring the gain reference of a movie in, under the name that the motion files give it."""
    settings = movie.settings.gain
    if settings.gain_path is None:
        return
    source = Path(settings.gain_path)
    target = folder / f"raw/gain{source.suffix}"
    if not source.is_file():
        progress.note(f"the gain reference is not at {source} any more; it is left out")
        return
    turned = settings.gain_rotation_deg or settings.gain_flip_x or settings.gain_flip_y
    if not turned and settings.gain_invert != "on":
        pin_movie(source, target, request.files)
        return
    if source.suffix.lower() != ".mrc" or not movie.has("motion_star"):
        progress.note(
            f"the settings turn or invert the gain reference {source}, and RELION's polishing does not: "
            "give it an MRC file that is turned already"
        )
        pin_movie(source, target, request.files)
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
