"""What every request passes before anything else sees it: host, origin, size; and headers of the answer."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders

from frazil.web.problems import problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from frazil.app.config import ServerConfig

LARGEST_BODY = 1_000_000
LONGEST_BODY_S = 30.0
DEEPEST_JSON = 16
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SafeHeaders:
    """Adds the headers that keep a browser from doing what a page of ours would never ask for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_api = scope["path"].startswith("/api")

        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if is_api:
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_more)


class KnownHosts:
    """Refuses requests that name a host which is not ours.

    Otherwise a foreign page could point its own name at this machine (DNS rebinding) and read what it likes.
    Addresses are fine: no page can be served from one that isn't ours.
    """

    def __init__(self, app: ASGIApp, config: ServerConfig) -> None:
        self._app = app
        names = {"localhost", config.host, *config.trusted_hosts}
        if not config.is_loopback:
            names |= {socket.gethostname(), socket.getfqdn()}
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket") or self._knows(Headers(scope=scope).getlist("host")):
            await self._app(scope, receive, send)
            return
        await _refuse(
            scope,
            receive,
            send,
            421,
            "this server does not go by that name; add it to trusted_hosts in server.toml",
        )

    def _knows(self, hosts: Iterable[str]) -> bool:
        given = list(hosts)
        if len(given) != 1:
            return False
        name = host_name(given[0])
        return name is not None and (name in self._names or _is_address(name))


class SameOrigin:
    """Refuses changes that a foreign page asks a browser for (CSRF), and its WebSockets.

    Every browser says where a request comes from. Programs that send a token in the Authorization header are
    let through: no page can make a browser add it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        changes = scope["type"] == "websocket" or (
            scope["type"] == "http" and scope["method"] not in _SAFE_METHODS
        )
        if not changes or _is_ours(scope):
            await self._app(scope, receive, send)
            return
        await _refuse(
            scope, receive, send, 403, "the request comes from another page, or does not say from which"
        )


class SmallBodies:
    """Refuses bodies over 1 MB, and JSON that is no JSON, is nested too deeply or holds broken text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit() and len(length) < 12):
            await _refuse(scope, receive, send, 400, "the Content-Length is no number")
            return
        try:
            async with asyncio.timeout(LONGEST_BODY_S):
                body = None if int(length) > LARGEST_BODY else await _read(receive)
        except TimeoutError:
            await _refuse(scope, receive, send, 408, f"the body did not arrive within {LONGEST_BODY_S:.0f} s")
            return
        if body is None:
            await _refuse(scope, receive, send, 413, f"the body may have {LARGEST_BODY} bytes at most")
            return
        if body and "json" in headers.get("content-type", ""):
            fault = json_fault(body)
            if fault:
                await _refuse(scope, receive, send, 400, fault)
                return
        given = False

        async def receive_again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, receive_again, send)


def host_name(host: str) -> str | None:
    """Return the name of a Host header without its port; None where it is none."""
    try:
        parts = urlsplit(f"//{host}")
        if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
            return None
        _ = parts.port
        return parts.hostname.lower() if parts.hostname else None
    except ValueError:
        return None


def json_fault(body: bytes) -> str:
    """Say what is wrong with JSON text; empty where nothing is."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
        if deepest > DEEPEST_JSON:
            return f"the JSON is nested more than {DEEPEST_JSON} deep"
    try:
        content = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return f"the body is no JSON: {error}"
    return "the JSON holds text that is no text" if _broken_text(content) else ""


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _broken_text(content: Any) -> bool:
    """Whether some text can't be stored: half a character, or a NUL."""
    if isinstance(content, str):
        return "\0" in content or any("\ud800" <= letter <= "\udfff" for letter in content)
    if isinstance(content, dict):
        return any(_broken_text(key) or _broken_text(value) for key, value in content.items())
    if isinstance(content, list):
        return any(_broken_text(value) for value in content)
    return False


async def _read(receive: Receive) -> bytes | None:
    """Read the body; None where it is too large."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _is_ours(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    if _has_token(headers):
        return True
    origin, host = headers.get("origin"), headers.get("host", "")
    if origin is not None:
        # A proxy may end TLS before us, so the scheme is not compared.
        return origin.partition("://")[2].lower() == host.lower() and bool(host)
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    # A program without login, for instance one that is about to log in.
    return "cookie" not in headers


def _has_token(headers: Headers) -> bool:
    return headers.get("authorization", "").lower().startswith("bearer ")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, detail: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 4403, "reason": detail[:120]})
        return
    await problem(status, detail)(scope, receive, send)
