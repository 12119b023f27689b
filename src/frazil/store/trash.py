"""Quick and crash-safe removal: things are renamed into ``.trash`` at once and deleted later."""

from __future__ import annotations

import itertools
import shutil
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

TRASH = ".trash"


def throw_away(session: Path, paths: Iterable[Path]) -> Path | None:
    """Move files and folders of a session into its ``.trash``; returns where they went, None if nothing was.

    A link is moved itself, never what it points to. A path that is not there is passed over, so that a
    removal that was cut off can be done again. `OSError` as the system raised it; ``ValueError`` for a path
    outside the session folder, also one that leads outside by ``..`` or through a link.
    """
    target: Path | None = None
    real = session.resolve()
    for path in paths:
        relative = path.relative_to(session)
        if ".." in relative.parts or not path.parent.resolve().is_relative_to(real):
            raise ValueError(f"{path} leads out of {session}")
        if not (path.is_symlink() or path.exists()):
            continue
        if target is None:
            target = _new_folder(session)
        place = target / relative
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
    return target


def empty_trash(session: Path) -> bool:
    """Delete what was thrown away, without following links; whether all of it is gone."""
    folder = session / TRASH
    if folder.is_symlink() or not folder.is_dir():
        return True
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def _new_folder(session: Path) -> Path:
    if (session / TRASH).is_symlink():
        # Somebody's: it might lead out of the session.
        (session / TRASH).unlink()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for number in itertools.count():
        folder = session / TRASH / (f"{stamp}-{number}" if number else stamp)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("unreachable")
