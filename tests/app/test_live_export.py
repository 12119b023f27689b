"""RELION's tables follow the session."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import starfile
from tests.app.exported import fill_session
from tests.stages.export.world import SETTINGS

from frazil.app import exports, live_export, movie_filters, sessions
from frazil.app.access import SERVER
from frazil.app.errors import NotFoundError
from frazil.engine.inline import InlineExecutor
from frazil.model.movie_filter import MovieFilter
from frazil.stages.export import relion
from frazil.stages.export.request import ExportRequest
from frazil.store.catalogue import movies

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from frazil.app.hub import Hub

GOOD = ExportRequest(where=MovieFilter.model_validate({"ranges": {"ctf_resolution_a": {"high": 5.0}}}))


@pytest.fixture
def hub(make_hub: Callable[..., Hub]) -> Hub:
    return make_hub(executor=InlineExecutor(eager=True))


@pytest.fixture
def session(hub: Hub, tmp_path: Path) -> int:
    number: int = sessions.create(hub, SERVER, {"folder": str(tmp_path / "s"), "name": "Grid 7", **SETTINGS})[
        "id"
    ]
    fill_session(hub, number)
    return number


def micrographs(folder: Path, of: str) -> list[str]:
    table = starfile.read(folder / "relion" / f"live_{of}" / "micrographs_ctf.star")["micrographs"]
    names: list[str] = table.rlnMicrographName.tolist()
    assert all((folder / name).is_file() for name in names)
    return names


def test_tables_are_written_when_something_happened(
    hub: Hub, session: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "s"
    live_export.keep_current(hub)
    assert not (folder / "relion" / "live_all").exists()
    live_export.set_live_export(hub, SERVER, session, enabled=True, request=GOOD)
    live_export.keep_current(hub)
    assert len(micrographs(folder, "all")) == 2 and len(micrographs(folder, "selected")) == 1
    particles = starfile.read(folder / "relion" / "live_all" / "particles.star")["particles"]
    assert particles.rlnImageName[0] == "000001@particles/movie_0001.mrcs"
    written = folder / "relion" / "live_all" / "particles.star"
    before = written.stat().st_ino
    now = hub.now()
    monkeypatch.setattr(hub, "now", lambda: now + 1000.0)
    live_export.keep_current(hub)
    # Nothing happened: nothing is written.
    assert written.stat().st_ino == before
    with hub.catalogue.write() as connection:
        movies.change(connection, session, 3, override="auto", done_at=now)
    live_export.keep_current(hub)
    assert len(micrographs(folder, "all")) == 3 and written.stat().st_ino != before
    shown = live_export.show_live_export(hub, SERVER, session)
    assert shown["enabled"] and shown["reason"] == ""
    assert shown["result"]["counts"]["all"] == {"micrographs": 3, "particles": 15}
    # It is none of the exports that were made.
    assert exports.list_exports(hub, SERVER, session) == []
    assert exports.start_export(hub, SERVER, session, GOOD)["number"] == 1


def test_all_tables_of_a_set_are_replaced_together(
    hub: Hub, session: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Particles of a large session take long to write; until then the other tables are the old ones too."""
    times = itertools.count(hub.now(), 1000.0)
    monkeypatch.setattr(hub, "now", lambda: next(times))
    live_export.set_live_export(hub, SERVER, session, enabled=True, request=GOOD)
    live_export.keep_current(hub)
    seen = []
    write = relion.write_particles

    def slowly(*values: Any) -> None:
        seen.append(len(micrographs(tmp_path / "s", "all")))
        write(*values)

    monkeypatch.setattr(relion, "write_particles", slowly)
    with hub.catalogue.write() as connection:
        movies.change(connection, session, 3, override="auto", done_at=9.0)
    live_export.keep_current(hub)
    assert seen[0] == 2 and len(micrographs(tmp_path / "s", "all")) == 3
    assert sorted(path.name for path in (tmp_path / "s" / "relion").iterdir()) == [
        "live_all",
        "live_selected",
    ]


def test_switched_off_it_stays_as_it_was(hub: Hub, session: int, tmp_path: Path) -> None:
    live_export.set_live_export(hub, SERVER, session, enabled=True, request=GOOD)
    live_export.keep_current(hub)
    live_export.set_live_export(hub, SERVER, session, enabled=False, request=GOOD)
    with hub.catalogue.write() as connection:
        movies.change(connection, session, 1, override="exclude", done_at=9.0)
    live_export.keep_current(hub)
    assert len(micrographs(tmp_path / "s", "selected")) == 1


def test_a_filter_that_is_not_there_is_refused(hub: Hub, session: int) -> None:
    with pytest.raises(NotFoundError):
        live_export.set_live_export(
            hub, SERVER, session, enabled=True, request=ExportRequest(filter_name="nonsense")
        )


def test_a_filter_or_a_decision_that_changes_is_followed(
    hub: Hub, session: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(high: float) -> None:
        content = MovieFilter.model_validate({"ranges": {"ctf_resolution_a": {"high": high}}})
        movie_filters.save_filter(hub, SERVER, session, "sharp", content)

    times = itertools.count(hub.now(), 1000.0)
    monkeypatch.setattr(hub, "now", lambda: next(times))
    save(5.0)
    live_export.set_live_export(
        hub, SERVER, session, enabled=True, request=ExportRequest(filter_name="sharp")
    )
    live_export.keep_current(hub)
    assert len(micrographs(tmp_path / "s", "selected")) == 1
    save(99.0)
    live_export.keep_current(hub)
    assert len(micrographs(tmp_path / "s", "selected")) == 2
    # Another one is left out instead: as many decisions as before.
    before = micrographs(tmp_path / "s", "all")
    with hub.catalogue.write() as connection:
        movies.change(connection, session, 1, override="exclude")
        movies.change(connection, session, 3, override="auto")
    live_export.keep_current(hub)
    after = micrographs(tmp_path / "s", "all")
    assert len(after) == len(before) == 2 and after != before
