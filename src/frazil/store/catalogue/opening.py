"""Open the catalogue: right place, newest schema, one writer."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, OperationalError

from frazil.model.errors import InputError, PassingError
from frazil.store.catalogue.file_system import network_file_system

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

MIGRATIONS = Path(__file__).with_name("migrations")
_BUSY_MS = 10_000
_LOCK_KEY = 0x6672617A696C
"""The word frazil: what all servers of Frazil ask PostgreSQL for."""


class Catalogue:
    """The catalogue, open. Safe to use from any thread.

    Parameters
    ----------
    where
        Path of the SQLite file (made if missing), or a URL such as ``postgresql+psycopg://…``.

    Raises
    ------
    InputError
        On a network file system; damaged; of a newer Frazil; another server has it open; no such server.
    """

    def __init__(self, where: Path | str) -> None:
        self.path = _sqlite_path(where)
        self._lock_file: IO[bytes] | None = None
        self._server_lock: Connection | None = None
        self._writing = threading.RLock()
        if self.path is not None:
            _check_place(self.path)
            self._lock_file = _lock(self.path)
        try:
            self._engine = _connect(where if self.path is None else self.path)
        except BaseException:
            self._unlock()
            raise
        try:
            self._writer = self._engine.execution_options(writes=True)
            if self.path is None:
                self._server_lock = _lock_in_server(self._engine)
            self._migrate()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the catalogue."""
        self._unlock()
        self._engine.dispose()

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one consistent snapshot and must not write."""
        with _told(), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection for one transaction, committed at the end; one writer at a time.

        Raises `PassingError` where the disk is full or the file is locked by somebody else.
        """
        with self._writing, _told(), self._writer.begin() as connection:
            yield connection

    def _unlock(self) -> None:
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None
        if self._server_lock is not None:
            # The lock goes with its connection: it must not lie in the pool.
            self._server_lock.invalidate()
            self._server_lock.close()
            self._server_lock = None

    def _migrate(self) -> None:
        """Bring the schema up to date; an older catalogue is copied aside first."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        script = ScriptDirectory.from_config(config)
        newest = script.get_current_head()
        try:
            with self._engine.connect() as connection:
                current = MigrationContext.configure(connection).get_current_revision()
        except DBAPIError as error:
            raise InputError(f"{self.path or 'the catalogue'}: can't be read: {error.orig}") from error
        if current == newest:
            return
        known = {revision.revision for revision in script.walk_revisions()}
        if current is not None and current not in known:
            raise InputError(
                f"{self.path or 'the catalogue'}: written by a newer Frazil (schema {current}); use that one"
            )
        if current is not None and self.path is not None:
            _back_up(self.path, self.path.with_name(f"{self.path.name}.before-{newest}"))
        with self._engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _sqlite_path(where: Path | str) -> Path | None:
    """Path of the SQLite file; None for another database."""
    if isinstance(where, Path):
        return where.absolute()
    try:
        url = make_url(where)
    except ArgumentError:
        return Path(where).absolute()
    if url.get_backend_name() == "sqlite":
        return Path(url.database or "catalogue.sqlite").absolute()
    return None


def _check_place(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path.parent}: can't make this folder: {error.strerror}") from error
    if kind := network_file_system(path.parent):
        raise InputError(
            f"{path}: lies on a network file system ({kind}), where SQLite loses data; give a folder on a "
            "local disk, or the URL of a PostgreSQL server"
        )


def _lock(path: Path) -> IO[bytes]:
    file = path.with_name(path.name + ".lock")
    try:
        handle = file.open("ab")
    except OSError as error:
        raise InputError(f"{path.parent}: can't write there: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        raise InputError(f"{path}: another Frazil server has this catalogue open") from None
    return handle


def _lock_in_server(engine: Engine) -> Connection:
    """Return a connection that keeps other Frazil servers out of a PostgreSQL database while it is open."""
    try:
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        taken = connection.scalar(select(func.pg_try_advisory_lock(_LOCK_KEY)))
    except DBAPIError as error:
        raise InputError(f"the catalogue can't be reached: {error.orig}; is its server running?") from error
    if not taken:
        connection.close()
        raise InputError("the catalogue's URL: another Frazil server has this catalogue open")
    return connection


def _connect(where: Path | str) -> Engine:
    if not isinstance(where, Path):
        try:
            return create_engine(where, pool_pre_ping=True)
        except (ArgumentError, ModuleNotFoundError) as error:
            raise InputError(f"the catalogue's URL can't be used: {error}") from error
    engine = create_engine(
        f"sqlite:///{where}",
        pool_size=20,
        max_overflow=30,
        connect_args={"check_same_thread": False, "timeout": _BUSY_MS / 1000},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        # Python's own handling of transactions is switched off: `begin` below does it.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={_BUSY_MS}",
            "cache_size=-16000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer that waits at its first statement can't be refused at its second.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _back_up(path: Path, copy: Path) -> None:
    """Copy a SQLite file whole, with what is still in its log."""
    part = copy.with_name(f".{copy.name}.part")
    part.unlink(missing_ok=True)
    source, target = sqlite3.connect(path), sqlite3.connect(part)
    with contextlib.closing(source), contextlib.closing(target):
        source.backup(target)
    with part.open("rb") as handle:
        os.fsync(handle.fileno())
    part.replace(copy)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Turn trouble of the database into errors a person understands."""
    try:
        yield
    except OperationalError as error:
        text = str(error.orig)
        if "malformed" in text or "not a database" in text:
            raise InputError(f"the catalogue is damaged: {text}; bring back a backup copy") from error
        raise PassingError(f"the catalogue can't be used now: {text}") from error
    except DataError as error:
        # PostgreSQL knows no NUL in text, and no numbers as large as SQLite's.
        first = str(error.orig).partition("\n")[0]
        raise InputError(f"the catalogue can't store that: {first}") from error
