"""``raw/checksums.xxh128``: checksums of what was copied, as ``xxhsum -c`` reads them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PLACE = "raw/checksums.xxh128"


def append_checksums(session: Path, sums: Iterable[tuple[str, str]]) -> None:
    """Add lines ``checksum, two blanks, path relative to raw/``; they are on the disk when this returns.

    A path that was delivered again stands there again: its last line counts. `OSError` as the system raised
    it.
    """
    lines = "".join(f"{checksum}  {path.removeprefix('raw/')}\n" for checksum, path in sums)
    if not lines:
        return
    with (session / PLACE).open("a+b") as file:
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                lines = "\n" + lines
        file.write(lines.encode())
        file.flush()
        os.fsync(file.fileno())
