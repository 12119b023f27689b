"""What the page can do, commands can, too; with --json for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from frazil.cli.client import Client, NoServerError, RefusedError
from frazil.model.errors import InputError
from frazil.store.catalogue import movies, tracks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    from frazil.app.hub import Hub

    Run = Callable[..., Result]


def answer(result: Result) -> Any:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def text(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def test_a_session_from_new_to_deleted(server: Hub, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    made = answer(run("sessions", "new", "A grid", "--folder", folder, "--set", "cs_mm=1.4", "--json"))
    assert (made["label"], made["name"], made["folder"]) == ("S1", "A grid", str(folder))
    assert "S1" in text(run("sessions", "list"))
    assert "A grid" in text(run("sessions", "list", "--search", "grid"))
    assert answer(run("sessions", "list", "--search", "nothing", "--json")) == []
    assert "transfer: stopped" in text(run("sessions", "show", "S1"))
    copied = answer(run("sessions", "copy", "1", "Next", "--json"))
    assert copied["name"] == "Next"
    shown = run("sessions", "delete", "S1")
    assert shown.exit_code == 1
    assert "session.json" in shown.stdout
    assert folder.exists()
    assert run("sessions", "delete", "S1", "--name", "another").exit_code != 0
    text(run("sessions", "delete", "S1", "--name", "A grid"))
    server.janitor.close(20)
    assert not folder.exists()
    assert [row["label"] for row in answer(run("sessions", "list", "--json"))] == ["S2"]


def test_a_folder_is_adopted(server: Hub, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from frazil.store.session import SessionFolder

    SessionFolder(tmp_path / "old", "Old").close()
    monkeypatch.chdir(tmp_path)
    assert answer(run("sessions", "adopt", "old", "--json"))["name"] == "Old"
    assert server.folder(1).path == tmp_path / "old"


def test_tracks_are_controlled(server: Hub, run: Run, tmp_path: Path) -> None:
    (tmp_path / "movies").mkdir()
    settings = (
        "pixel_size_a=1",
        "voltage_kv=300",
        "dose_per_movie_e_per_a2=40",
        "particle_diameter_min_a=100",
    )
    words = [word for setting in settings for word in ("--set", setting)]
    folder = tmp_path / "s"
    run("sessions", "new", "grid", "--folder", folder, "--source", tmp_path / "movies", *words)
    assert "transfer: " in text(run("track", "start", "S1", "transfer"))
    started = answer(run("track", "start", "S1", "all", "--json"))
    assert [track["track"] for track in started] == ["transfer", "preprocess", "classify2d"]
    with server.catalogue.read() as connection:
        assert all(row.wanted for row in tracks.listed(connection, [1]))
    refused = run("track", "clear", "S1", "transfer", "--yes")
    assert isinstance(refused.exception, RefusedError)
    assert refused.exception.exit_status == 1
    assert "Clear is not possible while the track is" in str(refused.exception)
    text(run("track", "stop", "S1", "all", "--now"))
    assert run("track", "clear", "S1", "preprocess").exit_code == 1
    assert "movies" in text(run("track", "restart", "S1", "preprocess", "--preview"))
    assert "begun  movie=m1" in text(run("track", "logs", "S1", "transfer"))
    line = answer(run("track", "logs", "S1", "transfer", "--lines", "1", "--json"))
    assert (line["message"], line["movie"]) == ("begun", "m1")
    assert text(run("track", "logs", "S1", "transfer", "--level", "error")) == ""


def test_settings_are_shown_previewed_and_saved(server: Hub, run: Run) -> None:
    run("sessions", "new", "grid", "--set", "cs_mm=1.4")
    row = {"name": "a", "path": "a", "state": "done", "found_at": 1.0, "target_revision": 1}
    with server.catalogue.write() as connection:
        movies.add_many(connection, 1, [row])
    shown = text(run("settings", "show", "S1"))
    assert "revision 1" in shown
    assert "cs_mm=1.4" in shown
    assert "class_count=50" in text(run("settings", "show", "S1", "class_count"))
    assert "cs_mm: 1.4 -> 2.0" in text(run("settings", "set", "S1", "cs_mm=2", "--preview"))
    assert answer(run("settings", "show", "S1", "--json"))["revision"] == 1
    assert answer(run("settings", "set", "S1", "cs_mm=2", "--json"))["revision"] == 2
    assert "cs_mm=1.4" in text(run("settings", "show", "S1", "--revision", "1"))
    wrong = run("settings", "set", "S1", "sc_mm=2")
    assert "did you mean cs_mm" in str(wrong.exception)
    assert "there is no setting called 'sc_mm'" in str(run("settings", "show", "S1", "sc_mm").exception)


def test_people_and_tokens(server: Hub, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert server.config.is_loopback
    monkeypatch.setenv("FRAZIL_PASSWORD", "correct horse battery")
    assert answer(run("users", "add", "boss", "--admin", "--json"))["is_admin"]
    assert answer(run("users", "add", "ann", "--name", "Ann", "--json"))["login"] == "ann"
    text(run("users", "password", "ann"))
    text(run("groups", "add", "ours"))
    text(run("groups", "member", "ours", "ann", "operator"))
    assert "ours (operator)" in text(run("users", "list"))
    secret = text(run("tokens", "add", "for cron", "--scope", "viewer", "--days", "1")).strip()
    assert secret.startswith("frz_")
    listed = text(run("tokens", "list"))
    assert "for cron" in listed
    assert secret not in listed
    with Client(token=secret) as client:
        assert client.get("me")["scope"] == "viewer"
    number = next(row["id"] for row in answer(run("tokens", "list", "--json")) if row["name"] == "for cron")
    text(run("tokens", "remove", number))
    with Client(token=secret) as client, pytest.raises(RefusedError, match="token"):
        client.get("me")
    text(run("users", "disable", "ann"))
    assert "disabled" in text(run("users", "list"))


def test_a_number_that_is_none_is_refused_before_asking(run: Run) -> None:
    for word in ("grid", "S", "-1", "S0", "99999999999999"):
        wrong = run("sessions", "show", "--", word)
        assert isinstance(wrong.exception, InputError), word


def test_what_is_said_where_no_server_answers(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FRAZIL_URL", raising=False)
    monkeypatch.delenv("FRAZIL_TOKEN", raising=False)
    monkeypatch.setenv("FRAZIL_DATA_FOLDER", str(tmp_path))
    assert "start one with frazil serve" in str(run("sessions", "list").exception)
    monkeypatch.setenv("FRAZIL_URL", "http://127.0.0.1:1")
    assert "FRAZIL_TOKEN is not set" in str(run("sessions", "list").exception)
    monkeypatch.setenv("FRAZIL_TOKEN", "frz_x")
    nobody = run("sessions", "list").exception
    assert isinstance(nobody, NoServerError)
    assert "no Frazil server answers" in str(nobody)
