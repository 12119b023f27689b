"""The HTTP server, with limits against whoever means no good."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

import uvicorn

from frazil.app.credentials import check_address
from frazil.model.errors import InputError
from frazil.web.app import create_app
from frazil.web.plain import STATIC

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.app.hub import Hub
    from frazil.app.passwords import LoginGuard

_LARGEST_HEADERS = 32768
_LARGEST_MESSAGE = 4096
_STOP_WITHIN_S = 3
_WAITING = 128
_DEAD_AFTER_S = 30.0


class Server(uvicorn.Server):
    """A server that has its port already: whoever connects before it is ready waits."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket) -> None:
        super().__init__(config)
        self.listening = listening

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until it is told to stop."""
        await super().serve(sockets or [self.listening])


def make_server(
    hub: Hub,
    guard: LoginGuard | None = None,
    static: Path = STATIC,
    listening: socket.socket | None = None,
) -> Server:
    """Make the HTTP server of a hub; ``run()`` blocks until ``should_exit`` is set or a signal comes.

    Parameters
    ----------
    hub, guard, static
        As of `create_app`.
    listening
        By default that of the hub's host and port.

    Raises `InputError` where it would listen to others and nobody has an account, or can't listen.
    """
    check_address(hub)
    config = hub.config
    options = uvicorn.Config(
        create_app(hub, guard, static),
        host=config.host,
        port=config.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(config.trusted_proxies),
        forwarded_allow_ips=list(config.trusted_proxies),
        h11_max_incomplete_event_size=_LARGEST_HEADERS,
        ws_max_size=_LARGEST_MESSAGE,
        ws_max_queue=4,
        ws_ping_interval=float(config.websocket_ping_s),
        ws_ping_timeout=float(config.websocket_ping_s),
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_STOP_WITHIN_S,
        limit_concurrency=1000,
    )
    return Server(options, listening or listen(config.host, config.port))


def listen(host: str, port: int, dead_after_s: float = _DEAD_AFTER_S) -> socket.socket:
    """Listen on a port.

    Parameters
    ----------
    host, port
        Name or address of this machine.
    dead_after_s
        A connection ends when what was sent was not taken for so long, be it because the other side is gone
        or because it does not read: what waits for it can't be taken back otherwise.

    Raises `InputError` where that is not possible.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(1000 * dead_after_s))
            listening.bind(address)
            listening.listen(_WAITING)
        except BaseException:
            listening.close()
            raise
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InputError(
                f"port {port} is in use, perhaps by another Frazil; stop that one or give --port"
            ) from error
        raise InputError(f"can't listen on {host}, port {port}: {error.strerror}") from error
    return listening
