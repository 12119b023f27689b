"""What identifies the input of one movie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from frazil.model.settings import Settings


def file_signature(path: Path) -> str:
    """Size and time of a file: equal as long as nobody writes to it."""
    status = path.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


def input_signature(source: Path, settings: Settings) -> str:
    """Signature of a movie and of the gain reference and defect list that are applied to it.

    Raises `OSError` where one of them can't be looked at.
    """
    files = [source]
    if settings.session.kind == "movies" and settings.image_data.has_frames:
        files += [Path(path) for path in (settings.gain.gain_path, settings.gain.defects_path) if path]
    return "+".join(file_signature(path) for path in files)
