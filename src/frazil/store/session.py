"""The session folder: it describes itself, belongs to one process, and holds nothing half-written."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from frazil.formats.atomic import atomic_path
from frazil.model.errors import InputError
from frazil.stages.products import FOLDERS, Products
from frazil.stages.record import MovieRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from frazil.model.settings import Settings

SCHEMA_VERSION = 1
_PART = re.compile(r"^\..*\.part$")
_LONGEST_STEM, _LONGEST_FOLDER = 140, 60
"""Letters of a product's name: with endings and marks of unfinished files, file systems take 255."""
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


class Revision(BaseModel):
    """Settings as they were saved at one time: those that differ from the default."""

    model_config = ConfigDict(extra="forbid")

    revision: int
    saved_at: str
    values: dict[str, Any]


class SessionFile(BaseModel):
    """Content of ``session.json``."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = SCHEMA_VERSION
    id: str
    name: str
    created_at: str
    settings: list[Revision] = Field(default_factory=list)


class SessionFolder:
    """A session folder that this process has to itself until it is closed.

    Parameters
    ----------
    path
        Made if it is not there; an existing one must be empty or a session.
    name
        Shown name of a new session.

    Raises
    ------
    InputError
        Another process works in it; it is no session and not empty; it can't be written to; its
        ``session.json`` is damaged or of a newer Frazil.
    """

    def __init__(self, path: Path, name: str = "") -> None:
        self.path = Path(path).absolute()
        _make_folder(self.path)
        _refuse_strangers(self.path)
        self._lock = _lock(self.path)
        try:
            self._file = self._open(name or self.path.name)
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
        return len(self._file.settings)

    def _open(self, name: str) -> SessionFile:
        file = self.path / "session.json"
        if not file.exists():
            content = SessionFile(id=str(uuid.uuid4()), name=name, created_at=_now())
            try:
                self._write(file, content.model_dump_json(indent=1))
            except OSError as error:
                raise InputError(f"{self.path}: can't write there: {error.strerror}") from error
            return content
        try:
            text = file.read_bytes()
        except OSError as error:
            raise InputError(f"{file}: can't be read: {error.strerror}") from error
        version = _version(text)
        if version is not None and version > SCHEMA_VERSION:
            raise InputError(f"{file}: written by a newer Frazil (schema {version}); use that one")
        try:
            return SessionFile.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(
                f"{file}: damaged ({f'{where}: ' if where else ''}{first['msg']}); give a new folder"
            ) from error

    def save_settings(self, settings: Settings) -> int:
        """Add a revision if the settings differ from the newest one; returns its number."""
        values = json.loads(json.dumps(settings.changed()))
        if not self._file.settings or self._file.settings[-1].values != values:
            number = self.revision + 1
            self._file.settings.append(Revision(revision=number, saved_at=_now(), values=values))
            try:
                self._write(self.path / "session.json", self._file.model_dump_json(indent=1))
            except OSError as error:
                raise InputError(f"{self.path}: can't write there: {error.strerror}") from error
        return self.revision

    def products(self, name: str) -> Products:
        """Where the products of a movie lie."""
        return Products(self.path, name)

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
        self._write(self.products(record.name).record, record.model_dump_json(indent=1))

    @staticmethod
    def _write(path: Path, text: str) -> None:
        with atomic_path(path) as part:
            part.write_text(text + "\n", encoding="utf-8")

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


def _version(text: bytes) -> int | None:
    try:
        content = json.loads(text)
    except ValueError:
        return None
    version = content.get("schema_version") if isinstance(content, dict) else None
    return version if isinstance(version, int) else None


def _same_disk(source: Path, folder: Path) -> bool:
    try:
        return source.stat().st_dev == folder.stat().st_dev
    except OSError:
        return False


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
