"""The HTTP server, with limits against whoever means no good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvicorn

from frazil.app.credentials import check_address
from frazil.web.app import create_app

if TYPE_CHECKING:
    from frazil.app.hub import Hub
    from frazil.app.passwords import LoginGuard

_LARGEST_HEADERS = 32768
_LARGEST_MESSAGE = 4096
_STOP_WITHIN_S = 3


def make_server(hub: Hub, guard: LoginGuard | None = None) -> uvicorn.Server:
    """Make the HTTP server of a hub; ``run()`` blocks until it is told to stop.

    Parameters
    ----------
    hub, guard
        As of `create_app`.

    Raises `InputError` where it would listen to others and nobody has an account.
    """
    check_address(hub)
    config = hub.config
    return uvicorn.Server(
        uvicorn.Config(
            create_app(hub, guard),
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
    )
