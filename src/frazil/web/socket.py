"""The WebSocket: what has changed, in numbered messages, at most four a second to each watcher.

Messages to the page: ``hello`` (epoch, sequence, ping_s), ``delta`` (sequence, changes), ``resync`` (read
everything anew by REST) and ``ping``. The page sends nothing; after a break it comes back with
``since=epoch:sequence`` and misses nothing that the server still remembers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from frazil.app.credentials import identify
from frazil.app.errors import NotFoundError, UnknownPersonError
from frazil.store.catalogue import sessions
from frazil.web.gates import credentials_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI

    from frazil.app.feed import Change, Feed
    from frazil.app.hub import Hub

MOST_WATCHERS = 500
LEAST_PAUSE_S = 0.25
SEND_WITHIN_S = 10.0
JUDGE_AGAIN_S = 60.0
_OVERVIEW = frozenset({"session", "track", "strip", "alerts", "server"})
"""What a watcher of all sessions is told."""

NOT_LOGGED_IN, NOT_YOURS, TOO_MANY, TOO_SLOW, GOING_AWAY = 4401, 4403, 4429, 4408, 1001


class Bell:
    """Wakes all watchers together, at most four times a second, however much happens."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._rung = asyncio.Event()
        self._waiting = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._pending = False
        self._stop_listening = feed.listen(self._ring)
        self._task = asyncio.create_task(self._pass_on())
        self.closed = False

    async def wait(self, timeout_s: float) -> None:
        """Wait until something has happened since the last round, or for so long."""
        event = self._waiting
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await event.wait()

    async def close(self) -> None:
        """End it, and let all watchers go."""
        self.closed = True
        self._stop_listening()
        self._task.cancel()
        self._waiting.set()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def _ring(self) -> None:
        """Note that something happened; called from any thread."""
        if not self._pending:
            self._pending = True
            # The loop may be gone while tracks still come to their end.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._rung.set)

    async def _pass_on(self) -> None:
        while True:
            await self._rung.wait()
            self._rung.clear()
            self._pending = False
            before, self._waiting = self._waiting, asyncio.Event()
            before.set()
            await asyncio.sleep(LEAST_PAUSE_S)


@contextlib.asynccontextmanager
async def bell(app: FastAPI) -> AsyncIterator[None]:
    """Have watchers woken while the server runs."""
    app.state.watchers = 0
    app.state.bell = Bell(app.state.hub.feed)
    try:
        yield
    finally:
        await app.state.bell.close()


async def watch(websocket: WebSocket) -> None:
    """Serve one watcher until it goes, is too slow, or may no longer look."""
    watcher = Watcher(websocket)
    app_state = websocket.app.state
    if not await watcher.may_enter():
        return
    app_state.watchers += 1
    listening = asyncio.create_task(watcher.listen())
    telling = asyncio.create_task(watcher.tell())
    try:
        await asyncio.wait({listening, telling}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        app_state.watchers -= 1
        for task in (listening, telling):
            task.cancel()
        results = await asyncio.gather(listening, telling, return_exceptions=True)
        await watcher.leave()
    for result in results:
        expected = (asyncio.CancelledError, WebSocketDisconnect, TimeoutError, RuntimeError)
        if isinstance(result, BaseException) and not isinstance(result, expected):
            raise result


class Watcher:
    """One WebSocket: who it is, what it watches, and how far it has come."""

    def __init__(self, websocket: WebSocket) -> None:
        self._socket = websocket
        self._hub: Hub = websocket.app.state.hub
        self._bell: Bell = websocket.app.state.bell
        self._credentials = credentials_of(websocket)
        self._session_id: int | None = None
        self._seen: frozenset[int] = frozenset()
        self._sees_server = False
        # Sessions up to this one were judged.
        self._newest_id = 0
        self._met_new = False
        self._rights = -1
        self._judged_at = 0.0
        self._position: int | None = None
        self._goodbye: tuple[int, str] = (1000, "")

    async def may_enter(self) -> bool:
        """Accept the WebSocket, or close it with the reason."""
        code, reason = 0, ""
        session = self._socket.query_params.get("session")
        if session is not None and not (session.isascii() and session.isdigit() and len(session) < 10):
            code, reason = NOT_YOURS, "session: its number is meant, as 12 for S12"
        else:
            self._session_id = None if session is None else int(session)
            code, reason = await run_in_threadpool(self._judge)
        if not code and self._socket.app.state.watchers >= MOST_WATCHERS:
            code, reason = TOO_MANY, "too many pages are open"
        # Only after it was accepted does a browser learn why it is closed.
        await self._socket.accept()
        if code:
            await self._socket.close(code, reason)
            return False
        return True

    async def listen(self) -> None:
        """Take in what the page sends, which is nothing but its end."""
        while True:
            await self._socket.receive_text()

    async def tell(self) -> None:
        """Send what is new for as long as the watcher may look."""
        feed = self._hub.feed
        ping_s = self._hub.config.websocket_ping_s
        self._position = feed.position(self._socket.query_params.get("since"))
        await self._send({"type": "hello", "epoch": feed.epoch, "sequence": feed.sequence, "ping_s": ping_s})
        if self._position is None:
            self._position = feed.sequence
            await self._send({"type": "resync", "epoch": feed.epoch, "sequence": self._position})
        last = time.monotonic()
        while not self._bell.closed:
            if not await self._still_may():
                return
            delta = feed.take(self._position, self._wants)
            if self._met_new:
                # A session was made: may this watcher see it?
                self._met_new, self._rights = False, -1
                continue
            self._position = delta.sequence
            if delta.resync:
                await self._send({"type": "resync", "epoch": feed.epoch, "sequence": delta.sequence})
            elif delta.changes:
                changes = [asdict(change) for change in delta.changes]
                message = {"type": "delta", "epoch": feed.epoch, "sequence": delta.sequence}
                await self._send({**message, "changes": changes})
            elif time.monotonic() - last >= ping_s:
                await self._send({"type": "ping", "epoch": feed.epoch, "sequence": delta.sequence})
            else:
                await self._bell.wait(max(0.05, ping_s - (time.monotonic() - last)))
                continue
            last = time.monotonic()
            await asyncio.sleep(LEAST_PAUSE_S)
        self._goodbye = (GOING_AWAY, "the server is stopping")

    async def leave(self) -> None:
        """Close the WebSocket if it is still open."""
        if self._socket.client_state is WebSocketState.CONNECTED:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
                async with asyncio.timeout(SEND_WITHIN_S):
                    await self._socket.close(*self._goodbye)

    async def _send(self, message: dict[str, Any]) -> None:
        text = json.dumps(message, separators=(",", ":"))
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                await self._socket.send_text(text)
        except TimeoutError:
            self._goodbye = (TOO_SLOW, "what was sent is not read")
            raise

    async def _still_may(self) -> bool:
        """Judge again whenever rights changed, and now and then because logins end."""
        if self._rights == self._hub.feed.rights and time.monotonic() - self._judged_at < JUDGE_AGAIN_S:
            return True
        code, reason = await run_in_threadpool(self._judge)
        if code:
            self._goodbye = (code, reason)
        return not code

    def _judge(self) -> tuple[int, str]:
        """Return why it must not look, 0 where it may; notes which sessions it may see."""
        self._rights, self._judged_at = self._hub.feed.rights, time.monotonic()
        try:
            actor = identify(self._hub, self._credentials)
        except UnknownPersonError as error:
            return NOT_LOGGED_IN, str(error)
        if actor is None:
            return NOT_LOGGED_IN, "log in first, or send an API token"
        with self._hub.catalogue.read() as connection:
            rows = sessions.listed(connection)
        self._seen = frozenset(row.id for row in rows if actor.role_for(row) is not None)
        self._newest_id = max((row.id for row in rows), default=0)
        if self._session_id is not None and self._session_id not in self._seen:
            return NOT_YOURS, str(NotFoundError(f"there is no session S{self._session_id}"))
        self._sees_server = actor.has_account
        return 0, ""

    def _wants(self, change: Change) -> bool:
        if change.session_id is None:
            return self._sees_server
        if self._session_id is not None:
            return change.session_id == self._session_id
        if change.kind not in _OVERVIEW:
            return False
        if change.session_id > self._newest_id:
            self._met_new = True
        return change.session_id in self._seen
