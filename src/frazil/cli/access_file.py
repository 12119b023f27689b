"""The file by which commands on this machine find the server of the same user."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAME = "server.json"


@dataclass(frozen=True)
class AccessFile:
    """Where a server answers, the token that makes one its admin, and its process."""

    url: str
    token: str
    pid: int = 0


def write_access_file(folder: Path, content: AccessFile) -> Path:
    """Write it so that nobody but this user ever can read it."""
    path = folder / NAME
    part = folder / f".{NAME}.{os.getpid()}.part"
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(json.dumps(asdict(content)))
    part.replace(path)
    return path


def read_access_file(folder: Path) -> AccessFile | None:
    """Read it; None where there is none or it makes no sense."""
    try:
        return AccessFile(**json.loads((folder / NAME).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
