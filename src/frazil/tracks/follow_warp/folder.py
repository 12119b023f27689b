"""A Warp folder as it is now: settings, movies and particle table, any of which Warp may be writing."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from frazil.formats.file_bytes import FileBytes
from frazil.formats.warp_particles import WarpBlock, find_particle_table
from frazil.formats.warp_settings import NO_PARTICLES, SETTINGS_NAME, WarpSettings, read_warp_settings
from frazil.formats.warp_table import WarpTable
from frazil.model.errors import InputError, PassingError
from frazil.tracks.follow_warp.stacks import signature
from frazil.tracks.runner import BlockedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Literal

    from frazil.tracks.follow_warp.data_sets import FollowMemory

T = TypeVar("T")

OUTSIDE = "lies outside the server's roots; an admin can add a folder to roots"
ABSENT_S = 30.0
"""What Warp writes anew may be away or half written for so long without being worth a word."""
_RETRY_DELAYS_S = (0.1, 0.3)


def patiently(read: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """Read, and try twice more where the disk fails: shares have stale handles now and then."""
    for delay_s in _RETRY_DELAYS_S:
        try:
            return read()
        except (OSError, PassingError):
            sleep(delay_s)
    return read()


@dataclass
class WarpFolder:
    """What was last seen of a Warp folder. Reads only what has changed.

    Attributes
    ----------
    path, which
        The folder, and the table that is followed.
    allowed
        Whether the server may see a path.
    settings
        None before the first look.
    xmls
        Signature of every ``<movie>.xml`` by the movie's name.
    blocks
        Particles by movie; None before the table was read.
    table
        Name of the particle table; empty where none was read.
    """

    path: Path
    which: Literal["all", "good"]
    allowed: Callable[[Path], bool]
    settings: WarpSettings | None = None
    xmls: dict[str, str] = field(default_factory=dict)
    blocks: dict[str, WarpBlock] | None = None
    table: str = ""
    _settings_signature: str = ""
    _table_signature: str = ""
    _unfinished: str = ""
    _reader: WarpTable | None = None
    _troubles: dict[str, tuple[float, str]] = field(default_factory=dict)

    def read_settings(self, now: float) -> WarpSettings:
        """Read ``previous.settings`` if it has changed.

        Raises `BlockedError` where there never was one that could be read.
        """
        path = self.path / SETTINGS_NAME
        try:
            self._require_allowed(path)
            found = patiently(lambda: signature(path))
            if found and found != self._settings_signature:
                self.settings = patiently(lambda: read_warp_settings(path))
                self._settings_signature = found
            elif not found and self.settings is not None:
                raise InputError(f"{path}: is not there any more")
        except InputError as error:
            if self.settings is None:
                raise BlockedError(str(error)) from error
            self._note("settings", str(error), now)
        except OSError as error:
            raise BlockedError(f"{path}: can't be looked at: {error.strerror or error}") from error
        else:
            self._troubles.pop("settings", None)
        if self.settings is None:
            raise BlockedError(
                f"{self.path}: holds no {SETTINGS_NAME}: let Warp process into this folder, "
                "or make a session on the folder that Warp writes to"
            )
        return self.settings

    def settings_changed(self) -> bool:
        """Whether Warp saved other settings than those that were read."""
        try:
            found = patiently(lambda: signature(self.path / SETTINGS_NAME))
        except OSError:
            return False
        return bool(found) and found != self._settings_signature

    def follow(self, which: Literal["all", "good"]) -> None:
        """Follow the other table from now on."""
        self.which, self.blocks, self.table = which, None, ""

    def look(self, memory: FollowMemory, now: float) -> None:
        """List the folder, and read the particle table if it has changed.

        Raises `BlockedError` where the folder can't be looked at.
        """
        try:
            names = patiently(self._list)
            self._read_table(names, memory)
        except OSError as error:
            reason = error.strerror or str(error)
            raise BlockedError(f"{self.path}: Warp's folder can't be looked at: {reason}") from error
        except InputError as error:
            self._note("table", str(error), now)

    def words(self, now: float) -> str:
        """Say what keeps particles from being followed; empty where all is well."""
        for since, reason in self._troubles.values():
            if now - since >= ABSENT_S:
                return reason
        if self.settings is not None and not self.settings.exports_particles:
            return NO_PARTICLES
        return ""

    def _list(self) -> list[str]:
        names, xmls = [], {}
        with os.scandir(self.path) as entries:
            for entry in entries:
                names.append(entry.name)
                if entry.name.endswith(".xml") and len(entry.name) > len(".xml"):
                    try:
                        status = entry.stat()
                    except FileNotFoundError:
                        continue
                    xmls[entry.name.removesuffix(".xml")] = f"{status.st_size}-{status.st_mtime_ns}"
        self.xmls = xmls
        return names

    def _read_table(self, names: list[str], memory: FollowMemory) -> None:
        """Read the table; `InputError` where it is away, several could be meant, or it can't be read now."""
        networks = () if self.settings is None else self.settings.networks
        name = find_particle_table(names, networks, self.which, memory.strangers())
        known = memory.newest.table
        if known and name != known and not any(f"_{network}.star" in (name or "") for network in networks):
            # The table that was followed is being replaced: no other one takes its place meanwhile.
            name = None
        if name is None:
            if known or self.table:
                raise InputError(f"{self.path}: Warp's table {known or self.table} is gone")
            return
        path = self.path / name
        self._require_allowed(path)
        found = patiently(lambda: signature(path))
        if not found:
            raise InputError(f"{path}: is gone")
        if (name, found) != (self.table, self._table_signature):
            if not self._is_finished(path, found):
                return
            if self._reader is None or self._reader.path != path:
                self._reader = WarpTable(path)
            reader = self._reader
            blocks = patiently(lambda: reader.read(networks))
            self.table, self._table_signature = name, found
            self.blocks = {}
            for block in blocks:
                self.blocks[block.movie if block.movie not in self.blocks else block.stack] = block
        self._troubles.pop("table", None)

    def _is_finished(self, path: Path, found: str) -> bool:
        """Whether a table ends with a whole line, or did not change since the last look."""
        if found == self._unfinished:
            return True
        self._unfinished = found
        with FileBytes(path) as source:
            return source.size > 0 and source.read(source.size - 1, 1) == b"\n"

    def _require_allowed(self, path: Path) -> None:
        """Raise `InputError` for a link that leads where the server may not look."""
        if not self.allowed(path):
            raise InputError(f"{path}: {OUTSIDE}")

    def _note(self, what: str, reason: str, now: float) -> None:
        since, _ = self._troubles.get(what, (now, ""))
        self._troubles[what] = (since, reason)
