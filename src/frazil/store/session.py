"""The session folder: it describes itself, belongs to one process, and holds nothing half-written."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import time
import uuid
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from pydantic import ValidationError

from frazil.formats.atomic import atomic_path
from frazil.model.errors import InputError, PassingError
from frazil.model.manual_picks import UNCHANGED, ManualPicks
from frazil.stages.products import FOLDERS, Products
from frazil.stages.record import MovieRecord
from frazil.store.session_file import FILE_NAME, Revision, SessionFile, read_session_file, time_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from frazil.model.settings import Settings

_PART = re.compile(r"^\..*\.part$")
_LONGEST_STEM, _LONGEST_FOLDER = 140, 60
"""Letters of a product's name: with endings and marks of unfinished files, file systems take 255."""
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


class SessionFolder:
    """A session folder that this process has to itself until it is closed.

    Parameters
    ----------
    path
        Made if it is not there; an existing one must be empty or a session.
    name
        Shown name of a new session.
    identity
        The session that must be there: nothing is made then.

    Raises
    ------
    InputError
        Another process works in it; it is no session and not empty; it can't be written to; its
        ``session.json`` is damaged or of a newer Frazil; it is another session than expected.
    PassingError
        The session that must be there is not: perhaps its disk is away.
    """

    def __init__(self, path: Path, name: str = "", *, identity: str | None = None) -> None:
        self.path = Path(path).absolute()
        if identity is None:
            _make_folder(self.path)
        elif not (self.path / FILE_NAME).is_file():
            raise PassingError(f"{self.path}: the session folder is not there; is its disk mounted?")
        _refuse_strangers(self.path)
        self._lock = _lock(self.path)
        try:
            self._file = self._open(name or self.path.name)
            if identity is not None and self._file.id != identity:
                raise InputError(f"{self.path}: another session lies there now ({self._file.name})")
            for folder in FOLDERS:
                _make_folder(self.path / folder)
            self.sweep()
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder."""
        self._lock.close()

    @property
    def id(self) -> str:
        """Never changes, also when the folder is moved."""
        return self._file.id

    @property
    def revision(self) -> int:
        """Number of the newest settings."""
        return self._file.settings[-1].revision if self._file.settings else 0

    @property
    def content(self) -> SessionFile:
        """What the folder says about itself."""
        return self._file

    def describe(self, content: SessionFile) -> None:
        """Replace what the folder says about itself, if it differs.

        Raises `PassingError` where it can't be written now.
        """
        if content == self._file:
            return
        try:
            content.write(self.path)
        except OSError as error:
            raise PassingError(f"{self.path}: can't write there: {error.strerror}") from error
        self._file = content

    def _open(self, name: str) -> SessionFile:
        if (self.path / FILE_NAME).exists():
            return read_session_file(self.path)
        content = SessionFile(id=str(uuid.uuid4()), name=name, created_at=time_text(time.time()))
        try:
            content.write(self.path)
        except OSError as error:
            raise InputError(f"{self.path}: can't write there: {error.strerror}") from error
        return content

    def save_settings(self, settings: Settings) -> int:
        """Add a revision if the settings differ from the newest one; returns its number."""
        values = json.loads(json.dumps(settings.changed()))
        if not self._file.settings or self._file.settings[-1].values != values:
            number = self.revision + 1
            revision = Revision(revision=number, saved_at=time_text(time.time()), values=values)
            self._file.settings.append(revision)
            try:
                self._file.write(self.path)
            except OSError as error:
                raise InputError(f"{self.path}: can't write there: {error.strerror}") from error
        return self.revision

    def products(self, name: str) -> Products:
        """Where the products of a movie lie."""
        return Products(self.path, name)

    def manual_picks(self, name: str) -> ManualPicks:
        """Return what a person changed about a movie's picks."""
        return self._file.manual_picks.get(name, UNCHANGED)

    def records(self) -> Iterator[MovieRecord]:
        """All movies of the session, by name; a damaged or unreadable record counts as missing."""
        for file in sorted((self.path / "records").glob("*.json")):
            try:
                record = MovieRecord.model_validate_json(file.read_bytes())
            except (ValidationError, OSError):
                continue
            if record.name == file.stem:
                yield record

    def save_record(self, record: MovieRecord) -> None:
        """Store what was done with one movie; its products are there already."""
        with atomic_path(self.products(record.name).record) as part:
            part.write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")

    def link_raw(self, name: str, source: Path) -> str:
        """Link a file into ``raw/`` under another name; returns the link's path in the session."""
        link = self.path / "raw" / (name + source.suffix)
        target = os.path.relpath(source, link.parent) if _same_disk(source, link.parent) else str(source)
        if link.exists() and not link.is_symlink():
            # Somebody's file: a link is not worth losing it.
            return link.relative_to(self.path).as_posix()
        if not link.is_symlink() or str(link.readlink()) != target:
            link.unlink(missing_ok=True)
            link.symlink_to(target)
        return link.relative_to(self.path).as_posix()

    def sweep(self) -> None:
        """Remove what killed processes left half-written; nobody else writes here."""
        for folder in (self.path, *(self.path / name for name in (*FOLDERS, "relion"))):
            if folder.is_dir():
                for file in folder.iterdir():
                    if _PART.match(file.name):
                        file.unlink(missing_ok=True)
        for unfinished in (self.path / "classes").glob("*/.*.part"):
            shutil.rmtree(unfinished, ignore_errors=True)


def assign_names(sources: list[Path], taken: dict[str, str]) -> dict[Path, str]:
    """Give every movie a name for its products, the same in every run.

    It is the file's stem with unusual characters replaced by ``_``; where that is taken, the folder's name is
    put in front, then a number behind.

    Parameters
    ----------
    sources
        Absolute paths.
    taken
        Path to name, from earlier runs.
    """
    names = {Path(source): name for source, name in taken.items()}
    # raw/gain.* is the link to the gain reference.
    used = {"gain", *(name.lower() for name in taken.values())}
    result = {}
    for source in sources:
        name = names.get(source)
        if name is None:
            stem = product_stem(source)
            candidates = [stem, f"{_UNSAFE.sub('_', source.parent.name)[:_LONGEST_FOLDER]}_{stem}"]
            candidates += [f"{candidates[-1]}_{number}" for number in range(2, len(sources) + len(used) + 3)]
            # Some file systems don't tell capitals from small letters.
            name = next(candidate for candidate in candidates if candidate.lower() not in used)
            used.add(name.lower())
        result[source] = name
    return result


def product_stem(source: Path) -> str:
    """Stem of a movie's products: letters, digits, ``_`` and ``-`` only."""
    name = source.name
    for ending in (".gz", ".bz2", ".xz", ".zst"):
        name = name.removesuffix(ending)
    return _UNSAFE.sub("_", Path(name).stem)[:_LONGEST_STEM] or "movie"


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise InputError(f"{path}: is a file, not a folder; give another name for the session") from error
    except OSError as error:
        raise InputError(f"{path}: can't make this folder: {error.strerror}") from error


def _lock(path: Path) -> IO[bytes]:
    file = path / ".lock"
    try:
        handle = file.open("ab")
    except OSError as error:
        raise InputError(f"{path}: can't write there: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        raise InputError(f"{path}: another Frazil is working in this session") from None
    except OSError:
        # Some network file systems have no locks: then there is nobody to ask.
        return handle
    return handle


def _refuse_strangers(path: Path) -> None:
    """Raise `InputError` for somebody else's folder, before anything is written to it."""
    try:
        names = [p.name for p in path.iterdir()]
    except OSError as error:
        raise InputError(f"{path}: can't be looked at: {error.strerror}") from error
    strangers = sorted(name for name in names if not name.startswith("."))
    if strangers and "session.json" not in strangers:
        raise InputError(
            f"{path}: is not empty ({', '.join(strangers[:3])}, …) and holds no session.json; "
            "give a new folder, or that of an earlier session"
        )


def _same_disk(source: Path, folder: Path) -> bool:
    try:
        return source.stat().st_dev == folder.stat().st_dev
    except OSError:
        return False
