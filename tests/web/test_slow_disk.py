"""A disk that hangs costs only what reads from it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from frazil.app import files
from frazil.model.errors import InputError, PassingError
from frazil.web.slow_disk import SlowDisk

if TYPE_CHECKING:
    from .conftest import Lab


def test_hanging_threads_are_left_behind_and_bounded() -> None:
    hang, running = threading.Event(), []

    def hangs() -> None:
        running.append(1)
        hang.wait()

    async def scenario() -> None:
        disk = SlowDisk(threads=2, longest_s=0.05)
        for _ in range(4):
            with pytest.raises(PassingError, match="does not answer"):
                await disk.run(hangs)
        assert len(running) == 2
        hang.set()
        patient = SlowDisk(threads=1, longest_s=20)
        assert [await patient.run(partial(abs, n)) for n in range(3)] == [0, 1, 2]
        while len(running) < 3:
            # The places are free again as soon as the disk answers.
            try:
                await disk.run(lambda: running.append(1))
            except PassingError:
                continue

    asyncio.run(scenario())


def test_errors_come_through() -> None:
    def fails() -> None:
        raise InputError("no")

    async def scenario() -> None:
        disk = SlowDisk(threads=1)
        for _ in range(3):
            with pytest.raises(InputError, match="no"):
                await disk.run(fails)

    asyncio.run(scenario())


def test_the_server_goes_on_while_a_share_hangs(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    hang, waiting = threading.Event(), threading.Semaphore(0)

    def hangs(*_: Any, **__: Any) -> dict[str, Any]:
        waiting.release()
        hang.wait(60)
        return {"path": None, "parent": None, "entries": [], "cursor": None, "more": False}

    monkeypatch.setattr(files, "list_folder", hangs)
    browsers = [lab.browser("otto") for _ in range(60)]
    with ThreadPoolExecutor(60) as pool:
        asked = [pool.submit(browser.get, "/api/files") for browser in browsers]
        for _ in range(16):
            assert waiting.acquire(timeout=20)
        assert lab.browser("vera").get(f"/api/sessions/{lab.mine}/movies").status_code == 200
        hang.set()
        assert {one.result(60).status_code for one in asked} <= {200, 503}
