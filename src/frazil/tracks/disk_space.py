"""Whether there is room to go on."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from frazil.engine.task import describe_error

if TYPE_CHECKING:
    from pathlib import Path


def reason_no_space(folder: Path, min_free_gb: float) -> str:
    """Why nothing should be written into a session folder now; empty where there is no reason."""
    try:
        free_gb = shutil.disk_usage(folder).free / 1e9
    except OSError as error:
        return f"the session folder can't be reached: {describe_error(error)}"
    if free_gb < min_free_gb:
        return (
            f"{folder}: {free_gb:.1f} GB are free, less than the reserve of {min_free_gb:g} GB "
            "(min_free_gb); make room, or lower the reserve"
        )
    return ""
