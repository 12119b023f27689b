"""Logs: the last lines of a long log at once, then on from there; nothing is seen twice or missed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frazil.app import sessions
from frazil.app.access import SERVER, Actor
from frazil.app.errors import NotFoundError
from frazil.app.logs import read_log
from frazil.model.errors import InputError
from frazil.store.log import TrackLog, log_files

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.app.hub import Hub


@pytest.fixture
def session(hub: Hub, tmp_path: Path) -> int:
    number: int = sessions.create(hub, SERVER, {"folder": str(tmp_path / "s")})["id"]
    return number


def messages(lines: list[dict[str, object]]) -> list[object]:
    return [line["message"] for line in lines]


def test_the_last_lines_come_first_then_what_follows(hub: Hub, session: int, tmp_path: Path) -> None:
    with TrackLog(tmp_path / "s", "transfer") as log:
        for number in range(20):
            log.info(f"file {number}", movie=f"m{number}")
        part = read_log(hub, SERVER, session, "transfer", limit=3)
        assert messages(part.lines) == ["file 17", "file 18", "file 19"]
        assert part.lines[0]["movie"] == "m17"
        assert part.end == part.size
        earlier = read_log(hub, SERVER, session, "transfer", before=part.start, limit=2)
        assert messages(earlier.lines) == ["file 15", "file 16"]
        log.info("file 20")
        later = read_log(hub, SERVER, session, "transfer", offset=part.end)
        assert messages(later.lines) == ["file 20"]
        assert read_log(hub, SERVER, session, "transfer", offset=later.end).lines == []


def test_level_and_words_choose(hub: Hub, session: int, tmp_path: Path) -> None:
    with TrackLog(tmp_path / "s", "preprocess", "trace") as log:
        log.trace("step")
        log.info("Movie done", movie="a_1")
        log.warning("weak", movie="a_2")
        log.error("failed", movie="a_1")

    def shown(**chosen: str) -> list[object]:
        return messages(read_log(hub, SERVER, session, "preprocess", **chosen).lines)  # type: ignore[arg-type]

    assert shown() == ["step", "Movie done", "weak", "failed"]
    assert shown(level="warning") == ["weak", "failed"]
    assert shown(search="A_1") == ["Movie done", "failed"]
    assert shown(search="a_1", level="error") == ["failed"]
    with pytest.raises(InputError, match="trace, debug"):
        shown(level="loud")


def test_a_session_logs_what_its_level_says(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    with TrackLog(tmp_path, "transfer") as log:
        log.debug("hidden")
        log.level = "debug"
        log.debug("shown")
        log.trace("hidden")
    lines = (tmp_path / "logs" / "transfer.jsonl").read_text().splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["shown"]


def test_a_long_log_is_set_aside_and_read_as_one(hub: Hub, session: int, tmp_path: Path) -> None:
    with TrackLog(tmp_path / "s", "transfer", longest_bytes=1000) as log:
        for number in range(60):
            log.info(f"file {number}")
    files = log_files(tmp_path / "s", "transfer")
    assert len(files) > 3
    assert files[-1].name == "transfer.jsonl"
    assert all(file.stat().st_size < 1200 for file in files)
    assert messages(read_log(hub, SERVER, session, "transfer").lines) == [f"file {n}" for n in range(60)]
    onward = read_log(hub, SERVER, session, "transfer", offset=0, limit=35)
    assert messages(onward.lines) == [f"file {n}" for n in range(35)]
    assert messages(read_log(hub, SERVER, session, "transfer", offset=onward.end).lines) == [
        f"file {n}" for n in range(35, 60)
    ]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text(st.characters(codec="utf-8"), max_size=40), max_size=30),
    st.integers(1, 10),
    st.booleans(),
)
def test_paging_both_ways_shows_every_line_once(
    hub: Hub, session: int, tmp_path: Path, texts: list[str], limit: int, cut: bool
) -> None:
    file = tmp_path / "s" / "logs" / "classify2d.jsonl"
    lines = [json.dumps({"level": "info", "message": text}) + "\n" for text in texts]
    file.write_bytes("".join(lines).encode() + (b'{"level": "in' if cut else b""))
    backward: list[object] = []
    before: int | None = None
    while (part := read_log(hub, SERVER, session, "classify2d", before=before, limit=limit)).lines:
        backward = messages(part.lines) + backward
        before = part.start
    forward: list[object] = []
    offset = 0
    while (part := read_log(hub, SERVER, session, "classify2d", offset=offset, limit=limit)).lines:
        forward += messages(part.lines)
        offset = part.end
    assert backward == forward == texts


def test_a_line_that_a_crash_cut_off_is_shown_as_it_is(hub: Hub, session: int, tmp_path: Path) -> None:
    (tmp_path / "s" / "logs" / "transfer.jsonl").write_bytes(
        b'{"half\n[1]\n{"level": "error", "message": "x"}\n'
    )
    part = read_log(hub, SERVER, session, "transfer")
    assert messages(part.lines) == ['{"half', "[1]", "x"]


def test_a_log_that_is_not_there_is_empty(hub: Hub, session: int) -> None:
    assert read_log(hub, SERVER, session, "transfer").lines == []


def test_only_logs_of_tracks_and_of_sessions_one_may_see(hub: Hub, session: int) -> None:
    with pytest.raises(NotFoundError, match="no track called"):
        read_log(hub, SERVER, session, "../../etc/passwd")
    with pytest.raises(NotFoundError):
        read_log(hub, Actor(3, "ann"), session, "transfer")
