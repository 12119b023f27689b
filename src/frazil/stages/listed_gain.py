"""What RELION's tables call the gain reference: RELION's polishing reads it as it is and turns nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from frazil.formats.mrc_write import write_mrc

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from frazil.stages.exposure import Exposure

# What RELION reads by itself.
KNOWN_TO_RELION = (".mrc", ".tif", ".tiff", ".gain")


def listed_gain(exposure: Exposure, gain: NDArray[np.float32] | None, pixel_size_a: float) -> str:
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
    """
    settings, task = exposure.settings.gain, exposure.task
    if settings.gain_path is None or gain is None:
        return ""
    path = Path(settings.gain_path)
    turned = settings.gain_rotation_deg or settings.gain_flip_x or settings.gain_flip_y
    name = str(path) if task.listed_as else f"raw/gain{path.suffix}"
    is_known = path.suffix.lower() in KNOWN_TO_RELION and len(name.split()) == 1
    if not turned and settings.gain_invert != "on" and is_known:
        return name
    what = (
        str(path),
        path.stat().st_mtime_ns,
        gain.shape,
        settings.gain_rotation_deg,
        settings.gain_flip_x,
        settings.gain_flip_y,
        settings.gain_invert,
    )
    target = exposure.files.motion_star.with_name(
        f"gain_{hashlib.sha256(repr(what).encode()).hexdigest()[:12]}.mrc"
    )
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        write_mrc(target, gain, pixel_size_a, depth="float32")
    return f"{target.parent.name}/{target.name}"
