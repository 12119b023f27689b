"""The catalogue's file: where it may lie, who may have it, how it grows older."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select

from frazil.model.errors import InputError
from frazil.store.catalogue import Catalogue, opening
from frazil.store.catalogue.file_system import network_file_system
from frazil.store.catalogue.schema import groups, metadata


def test_migrations_make_the_tables_of_the_schema(tmp_path: Path) -> None:
    with Catalogue(tmp_path / "c.sqlite") as catalogue, catalogue.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_it_is_kept(tmp_path: Path) -> None:
    with Catalogue(tmp_path / "new" / "c.sqlite") as catalogue, catalogue.write() as connection:
        connection.execute(groups.insert().values(name="lab"))
    with Catalogue(tmp_path / "new" / "c.sqlite") as catalogue, catalogue.read() as connection:
        assert connection.scalar(select(groups.c.name)) == "lab"


def test_a_transaction_is_whole_or_nothing(tmp_path: Path) -> None:
    with Catalogue(tmp_path / "c.sqlite") as catalogue:
        with pytest.raises(RuntimeError), catalogue.write() as connection:
            connection.execute(groups.insert().values(name="lab"))
            raise RuntimeError
        with catalogue.read() as connection:
            assert connection.scalar(select(groups.c.name)) is None


def test_a_reader_sees_one_snapshot(tmp_path: Path) -> None:
    with Catalogue(tmp_path / "c.sqlite") as catalogue, catalogue.read() as reader:
        assert reader.execute(select(groups)).all() == []
        with catalogue.write() as writer:
            writer.execute(groups.insert().values(name="lab"))
        assert reader.execute(select(groups)).all() == []


def test_many_threads_write(tmp_path: Path) -> None:
    with Catalogue(tmp_path / "c.sqlite") as catalogue:

        def add(start: int) -> None:
            for number in range(start, start + 20):
                with catalogue.write() as connection:
                    connection.execute(groups.insert().values(name=f"g{number}"))

        threads = [threading.Thread(target=add, args=(100 * n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with catalogue.read() as connection:
            assert len(connection.execute(select(groups)).all()) == 160


def test_one_server_at_a_time(tmp_path: Path) -> None:
    with Catalogue(tmp_path / "c.sqlite"), pytest.raises(InputError, match="another Frazil server"):
        Catalogue(tmp_path / "c.sqlite")
    Catalogue(tmp_path / "c.sqlite").close()


def test_one_of_a_newer_frazil_is_refused_and_kept(tmp_path: Path) -> None:
    Catalogue(tmp_path / "c.sqlite").close()
    with sqlite3.connect(tmp_path / "c.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = (tmp_path / "c.sqlite").read_bytes()
    with pytest.raises(InputError, match="newer Frazil"):
        Catalogue(tmp_path / "c.sqlite")
    assert (tmp_path / "c.sqlite").read_bytes() == before


def test_a_damaged_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(InputError, match=r"c\.sqlite: can't be read"):
        Catalogue(tmp_path / "c.sqlite")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="can't make this folder"):
        Catalogue(tmp_path / "file" / "c.sqlite")


@pytest.mark.parametrize("url", ["postgresql+nothing://host/db", "oracle://host/db"])
def test_a_url_without_a_driver_is_told(url: str) -> None:
    with pytest.raises(InputError, match="URL can't be used"):
        Catalogue(url)


MOUNTS = """\
21 1 259:2 / / rw,relatime shared:1 - ext4 /dev/root rw
40 21 0:36 / /mnt/scope rw - cifs //scope/data rw
41 21 0:37 / /mnt/scope/fast rw - xfs /dev/sdb rw
42 21 0:38 / /home rw - nfs4 server:/home rw
43 21 0:39 / /mnt/with\\040blank rw - fuse.sshfs there: rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib", ""),
        ("/mnt/scope/session", "cifs"),
        ("/mnt/scope/fast/x", ""),
        ("/mnt/scopes", ""),
        ("/home/me", "nfs4"),
        ("/mnt/with blank/x", "fuse.sshfs"),
    ],
)
def test_network_file_systems_are_known(tmp_path: Path, folder: str, kind: str) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    assert network_file_system(Path(folder), tmp_path / "mountinfo") == kind


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frazil.store.catalogue.opening.network_file_system", lambda _: "nfs4")
    with pytest.raises(InputError, match="network file system"):
        Catalogue(tmp_path / "c.sqlite")
    assert not (tmp_path / "c.sqlite").exists()


def copy_migrations(folder: Path, which: str) -> Path:
    """Copy some of the migrations."""
    migrations = folder / "migrations"
    (migrations / "versions").mkdir(parents=True)
    shutil.copy(opening.MIGRATIONS / "env.py", migrations)
    for file in (opening.MIGRATIONS / "versions").glob(which):
        shutil.copy(file, migrations / "versions")
    return migrations


def test_the_first_catalogue_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "MIGRATIONS", copy_migrations(tmp_path, "0001*.py"))
        with Catalogue(path) as catalogue, catalogue.write() as connection:
            connection.execute(groups.insert().values(name="lab"))
    with Catalogue(path) as catalogue, catalogue.read() as connection:
        assert connection.scalar(select(groups.c.name)) == "lab"
        for table in metadata.sorted_tables:
            connection.execute(select(table)).all()


def test_an_older_one_is_copied_before_it_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with Catalogue(path) as catalogue, catalogue.write() as connection:
        connection.execute(groups.insert().values(name="lab"))
    migrations = copy_migrations(tmp_path, "*.py")
    head = ScriptDirectory(str(migrations)).get_current_head()
    (migrations / "versions" / "9999_next.py").write_text(
        f"from alembic import op\nrevision = '9999'\ndown_revision = '{head}'\n"
        "def upgrade() -> None:\n    op.execute(\"UPDATE groups SET name = 'changed'\")\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "MIGRATIONS", migrations)
        with Catalogue(path) as catalogue, catalogue.read() as connection:
            assert connection.scalar(select(groups.c.name)) == "changed"
    with sqlite3.connect(tmp_path / "c.sqlite.before-9999") as copy:
        assert copy.execute("SELECT name FROM groups").fetchall() == [("lab",)]
