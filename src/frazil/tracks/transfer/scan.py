"""Look at a tree of folders again and again: what is new, what changed, what is gone."""

from __future__ import annotations

import errno
import heapq
import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from frazil.tracks.transfer.location import Location, States
    from frazil.tracks.transfer.patterns import Kind, Patterns

_ALWAYS_LISTED = 20
_FULL_EVERY = 10
_EXAMPLES = 100
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR})


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it looks now; ``path`` is relative to the base."""

    path: str
    kind: Kind
    size: int
    mtime_ns: int


@dataclass
class Look:
    """What one round has found.

    Attributes
    ----------
    seen
        Files that are new, that changed, or that were asked for.
    gone
        Files that were there in an earlier round.
    troubles
        Folders and files that can't be looked at, with the reason; what was known of them is kept.
    missing
        Why nothing at all can be seen: the source is gone. Empty where all is well.
    """

    seen: list[Seen] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    troubles: dict[str, str] = field(default_factory=dict)
    missing: str = ""


@dataclass
class _Folder:
    mtime_ns: int
    states: States
    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    """Links to folders."""
    ignored: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[str, str]] = field(default_factory=list)


class SourceTree:
    """Remembers what was seen, so that a round costs little where nothing changed.

    A folder whose time has not changed is not listed again, except the 20 newest ones (clocks of file servers
    are coarse) and every tenth round. Files that are known are asked for size and time only every tenth
    round, unless somebody waits for them.

    Parameters
    ----------
    location, patterns
        Where to look, and for what.
    avoid
        Files and folders that are never taken, by any name: the session folder, the gain reference.
    """

    def __init__(self, location: Location, patterns: Patterns, avoid: Iterable[Path] = ()) -> None:
        self.base = location.base
        self._location, self._patterns, self._avoid = location, patterns, tuple(avoid)
        self._folders: dict[str, _Folder] = {}
        self._device: int | None = None
        self._round = 0

    def look(self, asked: Collection[str] = ()) -> Look:
        """Go round once.

        Parameters
        ----------
        asked
            Paths of files to be told in any case, changed or not.
        """
        try:
            root = self.base.stat()
            with os.scandir(self.base) as entries:
                root_is_empty = next(entries, None) is None
        except OSError as error:
            return Look(missing=_unreachable(self.base, error))
        if self._device is not None and root.st_dev != self._device and root_is_empty:
            return Look(missing=f"{self.base}: is empty, and not the disk it was; is the share mounted?")
        self._device = root.st_dev
        full = self._round % _FULL_EVERY == 0
        self._round += 1
        walk = _Walk(self._location, self._patterns, _identities(self._avoid), self._folders)
        found = walk.go(asked, None if full else self._newest())
        if walk.look.missing:
            return Look(missing=walk.look.missing)
        for path, folder in self._folders.items():
            if path not in found:
                walk.look.gone += [_join(path, name) for name in folder.files]
        self._folders = found
        return walk.look

    def ignored(self) -> Counter[str]:
        """How many files each rule has left out."""
        return sum((folder.ignored for folder in self._folders.values()), Counter[str]())

    def ignored_examples(self) -> list[tuple[str, str]]:
        """Return some files that were left out, with the rule."""
        examples = (
            (_join(path, name), rule)
            for path, folder in self._folders.items()
            for name, rule in folder.examples
        )
        return [example for example, _ in zip(examples, range(_EXAMPLES), strict=False)]

    def _newest(self) -> set[str]:
        return set(
            heapq.nlargest(_ALWAYS_LISTED, self._folders, key=lambda path: self._folders[path].mtime_ns)
        )


class _Walk:
    """One round."""

    def __init__(
        self,
        location: Location,
        patterns: Patterns,
        avoid: set[tuple[int, int]],
        known: Mapping[str, _Folder],
    ) -> None:
        self.look = Look()
        self._location, self._patterns, self._avoid, self._known = location, patterns, avoid, known
        self._asked: dict[str, set[str]] = {}
        self._anew: set[str] | None = None
        self._visited: dict[tuple[int, int], str] = {}

    def go(self, asked: Iterable[str], anew: set[str] | None) -> dict[str, _Folder]:
        """Visit all folders; returns what is known of them now.

        ``anew``: folders to be listed even if their time has not changed; None: all.
        """
        for path in asked:
            folder_path, _, name = path.rpartition("/")
            self._asked.setdefault(folder_path, set()).add(name)
        self._anew = anew
        found: dict[str, _Folder] = {}
        waiting: list[tuple[str, States]] = [("", self._location.start)]
        links: list[tuple[str, States]] = []
        # Links come last and in order, so that a folder that can be reached in two ways keeps its name.
        while waiting or links:
            path, states = waiting.pop() if waiting else links.pop()
            folder = self._visit(path, states)
            if folder is None:
                continue
            found[path] = folder
            for name in (*folder.folders, *folder.links):
                below = self._location.enter(states, name)
                if below and name in folder.links:
                    links.append((_join(path, name), below))
                    links.sort(reverse=True, key=lambda link: link[0])
                elif below:
                    waiting.append((_join(path, name), below))
        return found

    def _visit(self, path: str, states: States) -> _Folder | None:
        known = self._known.get(path)
        absolute = self._location.base / path
        try:
            status = absolute.stat()
            identity = (status.st_dev, status.st_ino)
            if identity in self._avoid:
                return None
            first = self._visited.setdefault(identity, path)
            if first != path:
                self.look.troubles[path] = (
                    f"is the same folder as {first or 'the source itself'}; passed over"
                )
                return None
            if (
                known is None
                or known.mtime_ns != status.st_mtime_ns
                or self._anew is None
                or path in self._anew
            ):
                return self._list(path, status.st_mtime_ns, states)
            self._ask(path, known)
        except OSError as error:
            if not path:
                self.look.missing = _unreachable(absolute, error)
                return None
            if error.errno in _GONE:
                return None
            self.look.troubles[path] = error.strerror or str(error)
        return known

    def _list(self, path: str, mtime_ns: int, states: States) -> _Folder:
        folder = _Folder(mtime_ns, states)
        before = self._known[path].files if path in self._known else {}
        asked = self._asked.get(path, set())
        # Files that need not be asked.
        known = before.keys() - asked if self._anew is not None else set[str]()
        with os.scandir(self._location.base / path) as entries:
            for entry in entries:
                if entry.name in known:
                    folder.files[entry.name] = before[entry.name]
                    continue
                try:
                    if entry.name in before and self._is_still(folder, before, asked, entry):
                        continue
                    if entry.is_dir():
                        if not entry.name.startswith("."):
                            (folder.links if entry.is_symlink() else folder.folders).append(entry.name)
                        continue
                    self._take(path, folder, before, asked, entry)
                except OSError as error:
                    self.look.troubles[_join(path, entry.name)] = error.strerror or str(error)
                    if entry.name in before and error.errno not in _GONE:
                        folder.files[entry.name] = before[entry.name]
        self.look.gone += [_join(path, name) for name in before if name not in folder.files]
        return folder

    def _is_still(
        self,
        folder: _Folder,
        before: dict[str, tuple[int, int]],
        asked: Collection[str],
        entry: os.DirEntry[str],
    ) -> bool:
        """Whether a file is as it was and nobody asks for it: most are, so this is the quick way."""
        if entry.name in asked:
            return False
        status = entry.stat()
        form = before[entry.name]
        if (status.st_size, status.st_mtime_ns) != form or not stat.S_ISREG(status.st_mode):
            return False
        folder.files[entry.name] = form
        return True

    def _take(
        self,
        path: str,
        folder: _Folder,
        before: dict[str, tuple[int, int]],
        asked: Collection[str],
        entry: os.DirEntry[str],
    ) -> None:
        name = entry.name
        if not self._location.holds(folder.states, name):
            return
        kind, rule = self._patterns.judge(name)
        if kind is not None:
            status = entry.stat()
            if not stat.S_ISREG(status.st_mode):
                rule = "is not a file"
            elif (status.st_dev, status.st_ino) in self._avoid:
                rule = "is the gain reference or defect list"
            else:
                form = (status.st_size, status.st_mtime_ns)
                folder.files[name] = form
                if name in asked or before.get(name) != form:
                    self.look.seen.append(Seen(_join(path, name), kind, *form))
                return
        folder.ignored[rule] += 1
        if len(folder.examples) < _EXAMPLES:
            folder.examples.append((name, rule))

    def _ask(self, path: str, folder: _Folder) -> None:
        """Look at single files in a folder that is not listed."""
        for name in self._asked.get(path, ()):
            kind = self._patterns.judge(name).kind
            if kind is None or name not in folder.files:
                continue
            try:
                status = (self._location.base / path / name).stat()
            except OSError as error:
                if error.errno in _GONE:
                    del folder.files[name]
                    self.look.gone.append(_join(path, name))
                else:
                    self.look.troubles[_join(path, name)] = error.strerror or str(error)
                continue
            folder.files[name] = (status.st_size, status.st_mtime_ns)
            self.look.seen.append(Seen(_join(path, name), kind, status.st_size, status.st_mtime_ns))


def _unreachable(base: Path, error: OSError) -> str:
    return f"{base}: can't be reached ({error.strerror}); is the share mounted?"


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _identities(paths: Iterable[Path]) -> set[tuple[int, int]]:
    found = set()
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            # What is not there can't be found either.
            continue
        found.add((status.st_dev, status.st_ino))
    return found
