"""What RELION's tables call the gain reference: RELION's polishing reads it as it is and turns nothing.

Frames of EER movies it multiplies with a ``.gain`` and divides by anything else; all others it multiplies.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from frazil.formats.gain import stored_size
from frazil.formats.mrc_write import write_mrc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.model.settings_input import GainSettings
    from frazil.stages.exposure import Exposure

_AS_APPLIED = {
    False: dict.fromkeys((".mrc", ".tif", ".tiff"), ("auto", "off")),
    True: {".gain": ("auto", "off"), ".mrc": ("auto", "on")},
}
"""By whether the movies are EER and by ending: `gain_invert` of which RELION makes the same by itself."""


def is_as_applied(settings: GainSettings, size: tuple[int, int] | None, *, for_eer: bool) -> bool:
    """Whether RELION makes of the file itself what the settings make of it.

    ``size``: rows and columns of the frames, None where they are not known. RELION enlarges references of EER
    movies to twice their size, and takes no others that are not of the size of the frames.
    """
    turned = settings.gain_rotation_deg or settings.gain_flip_x or settings.gain_flip_y
    path = Path(settings.gain_path or "")
    if turned or settings.gain_invert not in _AS_APPLIED[for_eer].get(path.suffix.lower(), ()):
        return False
    if size is None or not path.is_file():
        return True
    stored = _stored_size(path, path.stat().st_mtime_ns)
    return stored == size or (for_eer and (2 * stored[0], 2 * stored[1]) == size)


@lru_cache(maxsize=4)
def _stored_size(path: Path, changed_ns: int) -> tuple[int, int]:  # noqa: ARG001 - part of the cache's key
    return stored_size(path)


def write_applied_gain(
    target: Path, gain: NDArray[np.float32], pixel_size_a: float, *, for_eer: bool
) -> None:
    """Write what frames were multiplied with, shape (H, W), as an MRC file of which RELION makes the same."""
    if for_eer:
        gain = np.divide(1.0, gain, out=np.zeros_like(gain), where=gain > 0.0)
    write_mrc(target, gain, pixel_size_a, depth="float32")


def listed_gain(
    exposure: Exposure, gain: NDArray[np.float32] | None, pixel_size_a: float, *, for_eer: bool
) -> str:
    """Name of a gain reference that lies as it was applied, from the session's folder; "" if there is none.

    That is the file itself, or as it is linked afterwards, where the settings turn and invert nothing and
    its path has no blanks, which RELION's tables can't name. Otherwise the gain reference is written once, as
    applied, beside the motion files.

    Parameters
    ----------
    exposure
        Whose settings say what is done to the file.
    gain
        Shape (H, W): what the frames were multiplied with.
    pixel_size_a
        Of the frames, Å.
    for_eer
        They are those of EER movies.
    """
    settings, task = exposure.settings.gain, exposure.task
    if settings.gain_path is None or gain is None:
        return ""
    path = Path(settings.gain_path)
    name = str(path) if task.listed_as else f"raw/gain{path.suffix}"
    rows, columns = gain.shape
    if len(name.split()) == 1 and is_as_applied(settings, (rows, columns), for_eer=for_eer):
        return name
    what = (
        str(path),
        path.stat().st_mtime_ns,
        gain.shape,
        settings.gain_rotation_deg,
        settings.gain_flip_x,
        settings.gain_flip_y,
        settings.gain_invert,
        for_eer,
    )
    target = exposure.files.motion_star.with_name(
        f"gain_{hashlib.sha256(repr(what).encode()).hexdigest()[:12]}.mrc"
    )
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        write_applied_gain(target, gain, pixel_size_a, for_eer=for_eer)
    return f"{target.parent.name}/{target.name}"
