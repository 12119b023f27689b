"""What is in ``raw/`` when the track begins."""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from frazil.model.errors import FrazilError
from frazil.stages.bandwidth import Bandwidth
from frazil.stages.deliver_copy import Stream, digest_of
from frazil.stages.deliver_errors import destination_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_PART = re.compile(r"\..*\.part")


def sweep(session: Path) -> set[str]:
    """Remove what killed threads have left half-written.

    Returns what is there, relative to the session folder; links that lead nowhere too. `PassingError` where
    the folder can't be read or written to now.
    """
    found: set[str] = set()
    raw = session / "raw"

    def refuse(error: OSError) -> None:
        raise destination_error(raw, raw, error) from error

    for folder, _, names in os.walk(raw, onerror=refuse):
        place = os.path.relpath(folder, session)
        for name in names:
            if _PART.fullmatch(name):
                try:
                    os.unlink(f"{folder}/{name}")  # noqa: PTH108 - as os.walk gives it
                except OSError as error:
                    refuse(error)
            else:
                found.add(f"{place}/{name}")
    return found


@dataclass(frozen=True)
class Damaged:
    """Message: a delivered file has another content than when it was delivered."""

    path: str


class Verification:
    """Reads delivered files and compares them with their checksums, in a thread, one after the other.

    Parameters
    ----------
    session
        The session folder.
    files
        (delivered path, checksum) by the ledger's path.
    post
        Hands a `Damaged` to the track.
    """

    def __init__(
        self, session: Path, files: Mapping[str, tuple[str, str]], post: Callable[[Damaged], None]
    ) -> None:
        self._session, self._files, self._post = session, files, post
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="verify", daemon=True).start()

    def stop(self) -> None:
        """Stop reading."""
        self._stopped.set()

    def _run(self) -> None:
        stream = Stream(Bandwidth(), self._stopped, lambda _: None)
        for path, (place, checksum) in self._files.items():
            if self._stopped.is_set():
                return
            try:
                same = digest_of(self._session / place, self._session, stream) == checksum
            except FrazilError:
                # What is not there, or not readable, is found by others.
                continue
            if not same:
                self._post(Damaged(path))
