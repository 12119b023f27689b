"""A session on its way to another folder: what belongs to it, and the book of what has arrived."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.model.errors import InputError, PassingError
from frazil.stages.deliver_copy import Form

if TYPE_CHECKING:
    from collections.abc import Iterator

JOURNAL, PROGRESS = ".relocation.jsonl", ".relocation.json"
CHECKSUMS = "logs/copied.xxh128"
"""In the copy: xxh3-128 and path of every file, as ``xxhsum -H2`` writes them."""
_LAST = "session.json"
RUBBISH = (".trash", ".tests")
"""Folders at the top of a session folder that nobody needs any more."""
_STAYS = frozenset({".lock", ".deleting.json", JOURNAL, PROGRESS, *RUBBISH})
"""At the top of a session folder: of the running server, or rubbish."""
_PART = re.compile(r"^\..*\.part$")


@dataclass(frozen=True)
class RelocationTask:
    """From where to where a session goes.

    Attributes
    ----------
    source, target
        Session folders; ``target`` is not there yet, or empty.
    identity
        Of the session.
    move
        Whether the original goes when the copy is whole.
    """

    source: Path
    target: Path
    identity: str
    move: bool

    @property
    def staging(self) -> Path:
        """Where the copy grows: it has no other name before it is whole."""
        return self.target.with_name(f".{self.target.name}.part")


@dataclass(frozen=True)
class Entry:
    """A file of a session folder.

    Attributes
    ----------
    path
        Below the folder.
    form
        Size and time of change; of a link: its own.
    link
        What a symbolic link says; None for a file.
    inode
        Device and number: names of one file have the same.
    """

    path: str
    form: Form
    link: str | None
    inode: tuple[int, int]


def session_files(folder: Path) -> list[Entry]:
    """List all files and links of a session folder, ``session.json`` last; links are not followed.

    Raises `PassingError` where it can't be looked at, `InputError` for what is no file, folder or link.
    """
    try:
        found = sorted(_walk(folder, folder), key=lambda entry: entry.path)
    except OSError as error:
        raise PassingError(f"{error.filename or folder}: {error.strerror}") from error
    return [entry for entry in found if entry.path != _LAST] + [e for e in found if e.path == _LAST]


def _walk(root: Path, folder: Path) -> Iterator[Entry]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if _PART.match(entry.name) or (folder == root and entry.name in _STAYS):
                continue
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(root, path)
                continue
            status = entry.stat(follow_symlinks=False)
            is_link = stat.S_ISLNK(status.st_mode)
            if not is_link and not stat.S_ISREG(status.st_mode):
                raise InputError(f"{path}: is neither a file nor a link and can't be copied; remove it")
            yield Entry(
                path.relative_to(root).as_posix(),
                Form.of(status),
                str(path.readlink()) if is_link else None,
                (status.st_dev, status.st_ino),
            )


class Journal:
    """What has arrived and was verified, one line of JSON a file; a line that was cut off does not count.

    Parameters
    ----------
    folder
        Holds it: the growing copy, later the whole one.
    identity
        Of the session; `InputError` where the book is another one's.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self._file = folder / JOURNAL
        self.arrived: dict[str, tuple[Form, str | None, str]] = {}
        lines = self._file.read_bytes().split(b"\n")[:-1] if self._file.exists() else []
        for number, line in enumerate(lines):
            try:
                content: dict[str, Any] = json.loads(line)
            except ValueError:
                continue
            if number == 0 and content.get("session") != identity:
                raise InputError(f"{folder}: another session was being copied there; choose another folder")
            if "path" in content:
                form = Form(content["size"], content["mtime_ns"])
                self.arrived[content["path"]] = (form, content["link"], content["xxh128"])
        # A line that was cut off must not swallow the next one.
        self._write(b"" if lines else json.dumps({"session": identity}).encode())

    def holds(self, entry: Entry, folder: Path) -> bool:
        """Whether this very file has arrived below ``folder``, and is still there."""
        known = self.arrived.get(entry.path)
        if known is None or known[:2] != (entry.form, entry.link):
            return False
        try:
            status = (folder / entry.path).lstat()
        except OSError:
            return False
        return entry.link is not None or Form.of(status) == entry.form

    def note(self, entry: Entry, checksum: str) -> None:
        """Write down that a file has arrived and is what it was; of a link the checksum is empty."""
        content = {
            "path": entry.path,
            "size": entry.form.size,
            "mtime_ns": entry.form.mtime_ns,
            "link": entry.link,
            "xxh128": checksum,
        }
        self._write(json.dumps(content).encode())
        self.arrived[entry.path] = (entry.form, entry.link, checksum)

    def _write(self, line: bytes) -> None:
        with self._file.open("ab") as file:
            file.write(line + b"\n")
