"""Where a session may lie and what its settings may point to: only below the server's roots."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from frazil.app.errors import ConflictError, DeniedError
from frazil.model.errors import InputError
from frazil.store.session_file import FILE_NAME

if TYPE_CHECKING:
    from frazil.app.config import ServerConfig
    from frazil.model.settings import Settings

PATH_SETTINGS = (
    "source_path",
    "metadata_path",
    "gain_path",
    "defects_path",
    "mtf_path",
    "warp_folder",
    "import_coordinates",
    "model_path",
)
"""Settings that name a file or folder the server reads."""
_UNSAFE = re.compile(r"[^\w.+-]+", re.ASCII)
_GLOB = re.compile(r"[*?\[]")


def new_folder(config: ServerConfig, name: str, given: str | None) -> Path:
    """Choose the folder of a new session: the given one, else one called like it where sessions go.

    Raises
    ------
    DeniedError
        It lies outside the server's roots.
    ConflictError
        A session lies there already.
    InputError
        It is no absolute path.
    """
    if given is None:
        stem = _UNSAFE.sub("_", name).strip("._") or "session"
        folder = config.sessions_folder / stem
        number = 2
        while folder.exists():
            folder = config.sessions_folder / f"{stem}_{number}"
            number += 1
        return folder
    folder = existing_folder(config, given)
    if (folder / FILE_NAME).exists():
        raise ConflictError(f"{folder}: there is a session already; adopt it, or give a new folder")
    return folder


def existing_folder(config: ServerConfig, given: str) -> Path:
    """Return a folder that somebody named, links followed; errors as of `new_folder`."""
    path = _absolute("folder", given)
    if not config.allows(path):
        raise DeniedError(_outside(config, "folder", given))
    return path.resolve()


def refuse_outside(config: ServerConfig, settings: Settings, folder: Path) -> None:
    """Make sure that all paths in the settings lie where the server may look.

    Raises
    ------
    DeniedError
        A path lies outside the server's roots.
    InputError
        A path is not absolute, source and session folder lie in each other, or the Warp folder lies in the
        session folder.
    """
    for name in PATH_SETTINGS:
        value = settings.value(name)
        if value is None:
            continue
        path = fixed_part(_absolute(name, str(value)))
        if not config.allows(path):
            raise DeniedError(_outside(config, name, str(value)))
        if name == "source_path":
            _refuse_nested(path.resolve(), folder)
        if name == "warp_folder" and path.resolve().is_relative_to(folder):
            raise InputError(f"warp_folder {path} lies in the session folder {folder}; give another folder")


def fixed_part(path: Path) -> Path:
    """Part of a pattern before its first wildcard."""
    parts = []
    for part in path.parts:
        if _GLOB.search(part):
            break
        parts.append(part)
    return Path(*parts)


def _refuse_nested(source: Path, folder: Path) -> None:
    if source.is_relative_to(folder) or folder.is_relative_to(source):
        raise InputError(
            f"source_path {source} and the session folder {folder} lie in each other: Frazil would take its "
            "own files for movies; give another folder"
        )


def _absolute(name: str, value: str) -> Path:
    if "\0" in value:
        raise InputError(f"{name}: a path holds no NUL")
    path = Path(value)
    if not path.is_absolute():
        raise InputError(f"{name}={value}: must be an absolute path on the server")
    return path


def _outside(config: ServerConfig, name: str, value: str) -> str:
    roots = ", ".join(str(root) for root in config.visible_roots)
    return f"{name}={value}: the server may only see {roots}; an admin can add a folder to roots"
