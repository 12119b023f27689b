"""Where compiled kernels are kept for the next start, and whether there are any."""

from __future__ import annotations

import os
from pathlib import Path

_VARIABLE = "NUMBA_CACHE_DIR"
FIRST_RUN = "the first run on this machine compiles its kernels, which takes a minute or so; later ones don't"


def choose_kernel_cache(beside: Path) -> None:
    """Give numba a folder for what it compiles, where it would find none and refuse to work.

    Usually that is the code's own folder ``beside``, or one in the user's home. A service account may be able
    to write to neither: it gets a folder of its own among the temporary files, unless somebody else owns a
    folder of that name (numba runs what it finds there). Everything is then compiled anew.
    """
    if os.environ.get(_VARIABLE) or os.access(beside, os.W_OK):
        return
    home = _user_cache()
    there = next((folder for folder in (home, *home.parents) if _exists(folder)), home)
    if os.access(there, os.W_OK):
        return
    # Usually not needed, and this module is loaded by every command.
    import tempfile

    folder = Path(tempfile.gettempdir()) / f"frazil-kernels-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return
    if found.st_uid == os.getuid() and not found.st_mode & 0o022 and not folder.is_symlink():
        os.environ[_VARIABLE] = str(folder)
    else:
        os.environ[_VARIABLE] = tempfile.mkdtemp(prefix="frazil-kernels-")


def compiled_before(room: Path) -> bool:
    """Whether kernels of the package in the folder ``room`` were kept by an earlier run."""
    chosen = os.environ.get(_VARIABLE)
    places = [Path(chosen)] if chosen else [room, _user_cache() / "numba"]
    return any(
        any(part.startswith(room.name) for part in index.parts)
        for place in places
        for index in place.rglob("*.nbi")
    )


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())


def _exists(folder: Path) -> bool:
    """Whether it is there and can be looked at."""
    try:
        folder.stat()
    except OSError:
        return False
    return True
