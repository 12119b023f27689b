"""The catalogue in a PostgreSQL server: a real one, made for these tests where its programs are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from tests.app.conftest import IdleBody
from tests.app.rows import add_done, row_of
from tests.tracks.harness import make_bench
from tests.tracks.preprocess.movie_work import work

from frazil.app import controls, manual_picks, movie_actions, movie_table, sessions, settings_changes
from frazil.app.access import SERVER
from frazil.app.config import ServerConfig
from frazil.app.hub import Hub
from frazil.engine.inline import InlineExecutor
from frazil.model.errors import InputError, PassingError
from frazil.store.catalogue import Catalogue, filters
from frazil.store.catalogue.schema import metadata
from frazil.tracks.preprocess import PreprocessBody

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
INITDB = str(PROGRAMS[-1]) if PROGRAMS else shutil.which("initdb")
pytestmark = pytest.mark.skipif(INITDB is None, reason="PostgreSQL's initdb is not installed")
psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    """Folder with the socket of a server that nobody else reaches and that is gone afterwards."""
    # A socket's path must be short. PostgreSQL refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="fz-pg-"))
    user = None
    if os.geteuid() == 0:
        user = "postgres"
        shutil.chown(folder, user)
    assert INITDB is not None
    bin_folder = Path(INITDB).parent

    def run(program: str, *words: str) -> None:
        subprocess.run(
            [bin_folder / program, *words], user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL
        )

    data = str(folder / "data")
    run("initdb", "-D", data, "-U", "frazil", "-A", "trust", "-N", "-E", "UTF8", "--no-locale")
    options = f"-k {folder} -c listen_addresses= -c fsync=off"
    run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield folder
    finally:
        run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def url(server: Path, request: pytest.FixtureRequest) -> str:
    """Address of an empty database."""
    name = f"test_{abs(hash(request.node.name)) % 10**8}"
    with psycopg.connect(f"host={server} user=frazil dbname=postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"postgresql+psycopg://frazil@/{name}?host={server}"


def test_its_tables_are_those_of_the_schema(url: str) -> None:
    with Catalogue(url) as catalogue, catalogue.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    with Catalogue(url) as catalogue, catalogue.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_two_servers_never_share_one(url: str) -> None:
    with Catalogue(url), pytest.raises(InputError, match="another Frazil server"):
        Catalogue(url)
    Catalogue(url).close()


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises((InputError, PassingError), match="catalogue"):
        Catalogue(f"postgresql+psycopg://frazil@/none?host={tmp_path}")


def test_people_work_with_it(url: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "source").mkdir()
    config = ServerConfig(data_folder=tmp_path / "data", roots=(tmp_path,), device="cpu", catalogue_url=url)
    hub = Hub(config, executor=InlineExecutor(), body=IdleBody)
    try:
        values = {"name": "Ap\u014dferritin \u2744", "source_path": str(tmp_path / "source")}
        session = sessions.create(hub, SERVER, values)["id"]
        names = add_done(hub, session, 7, ctf_resolution_a=4.0)
        movie_actions.set_override(hub, SERVER, session, names[0], "exclude")
        page = movie_table.list_movies(hub, SERVER, session, sort="ctf_resolution_a", limit=3, search="movie")
        assert page.total == 7 and len(page.rows) == 3
        assert movie_table.series(hub, SERVER, session, ["particles"])["particles"] == [10] * 7
        settings_changes.save(hub, SERVER, session, {"box_size_px": 64}, 1)
        assert controls.restart_preview(hub, SERVER, session, "preprocess")["movies"] == 7
        manual_picks.save_manual_picks(hub, SERVER, session, names[1], [(5.0, 6.0)], [])
        assert row_of(hub, session, names[1])["manual_picks"]["added"] == [[5.0, 6.0]]
        manual_picks.save_manual_picks(hub, SERVER, session, names[1], [], [])
        with hub.catalogue.read() as connection:
            assert filters.listed(connection, session) is not None
        with pytest.raises(InputError, match=r"store that|name"):
            sessions.change(hub, SERVER, session, {"name": "a\0b"})
        (told,) = sessions.listed(hub, SERVER, search="ferritin")
        assert told["counts"]["movies"] == 7
    finally:
        hub.close()


def test_tracks_work_with_it(url: str, tmp_path: Path) -> None:
    bench = make_bench(tmp_path, catalogue=Catalogue(url))
    try:
        bench.add_movies(4)
        body = PreprocessBody(bench.context(), work)
        body.begin(anew=False)
        assert bench.work(body) == 4
        assert set(bench.states().values()) == {"done"}
        body.clear()
        assert set(bench.states().values()) == {"queued"}
    finally:
        bench.close()
