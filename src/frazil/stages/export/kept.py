"""What an interrupted export copied already: a book of finished files, so that they are not copied again."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from frazil.stages.deliver_copy import Form
from frazil.stages.export.request import JOURNAL, LOG, SNAPSHOT

if TYPE_CHECKING:
    from pathlib import Path


class Kept:
    """Files of a growing export that are whole: each got its name when it was on the disk.

    A file counts while it and its source have the size and the time of change that were noted.

    Parameters
    ----------
    part
        Folder of the growing export; what is in it and not whole is removed.
    """

    def __init__(self, part: Path) -> None:
        self._part, self._file = part, part / JOURNAL
        self._lock = threading.Lock()
        self._known: dict[str, list[int | str]] = {}
        self._read()
        self._known = {name: entry for name, entry in self._known.items() if self._is_there(name)}
        for path in sorted(part.rglob("*"), reverse=True):
            name = path.relative_to(part).as_posix()
            if path.is_dir() and not path.is_symlink():
                if not any(path.iterdir()):
                    path.rmdir()
            elif name not in self._known and name not in (SNAPSHOT, LOG, JOURNAL):
                path.unlink()

    def holds(self, source: Path, target: Path, depth: str) -> bool:
        """Whether ``target`` is what was made of this very source."""
        name = self._name(target)
        entry = self._known.get(name)
        if entry is None:
            return False
        try:
            form = Form.of(source.stat())
        except OSError:
            return False
        if entry[2:] == [form.size, form.mtime_ns, depth] and self._is_there(name):
            return True
        target.unlink(missing_ok=True)
        return False

    def note(self, source: Path, target: Path, depth: str) -> None:
        """Write down that ``target`` was made of ``source`` and is whole."""
        form, own = Form.of(source.stat()), Form.of(target.lstat())
        entry: list[int | str] = [own.size, own.mtime_ns, form.size, form.mtime_ns, depth]
        with self._lock:
            self._known[self._name(target)] = entry
            with self._file.open("ab") as file:
                file.write(json.dumps([self._name(target), *entry]).encode() + b"\n")

    def _name(self, target: Path) -> str:
        return target.relative_to(self._part).as_posix()

    def _is_there(self, name: str) -> bool:
        path = self._part / name
        try:
            form = Form.of(path.lstat())
        except OSError:
            return False
        return self._known[name][:2] == [form.size, form.mtime_ns] and not path.is_symlink()

    def _read(self) -> None:
        try:
            lines = self._file.read_bytes().split(b"\n")
        except OSError:
            return
        for line in lines:
            try:
                name, *entry = json.loads(line)
            except (ValueError, TypeError):
                # Cut off by a crash.
                continue
            self._known[name] = entry
        # A line that was cut off must not swallow the next one.
        with self._file.open("ab") as file:
            file.write(b"\n")
