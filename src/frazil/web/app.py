"""The server as an ASGI application."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from frazil.app.passwords import LoginGuard
from frazil.web import socket
from frazil.web.doors import KnownHosts, SafeHeaders, SameOrigin, SmallBodies
from frazil.web.packed import PackedJson
from frazil.web.plain import STATIC, add_page
from frazil.web.problems import RESPONSES, Unexpected, add_handlers
from frazil.web.routes import (
    class_jobs,
    class_members,
    class_selections,
    classes,
    exports,
    files,
    gain_check,
    manual_picks,
    movie_actions,
    movie_filters,
    movies,
    optics_groups,
    people,
    raw_cleanup,
    relocation,
    report,
    sessions,
    settings,
    tokens,
    tracks,
    watch,
)
from frazil.web.slow_disk import SlowDisk

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.app.hub import Hub

PREFIX = "/api"
ROUTERS = (
    people.router,
    tokens.router,
    sessions.router,
    relocation.router,
    raw_cleanup.router,
    settings.router,
    tracks.router,
    movies.router,
    movie_filters.router,
    movie_actions.router,
    manual_picks.router,
    optics_groups.router,
    class_jobs.router,
    class_selections.router,
    class_members.router,
    classes.router,
    exports.router,
    report.router,
    files.router,
    gain_check.router,
    watch.router,
)

_DESCRIPTION = """
All that the page shows and does. Log in by cookie, or send `Authorization: Bearer frz_…`.
Times are seconds since 1970 (UTC); every number has its unit in its name. Errors are `Problem`s.
What changes is told on the WebSocket `/api/ws?session=…&since=epoch:sequence`.
"""


def create_app(hub: Hub, guard: LoginGuard | None = None, static: Path = STATIC) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    hub
        What it serves; started and closed by the caller.
    guard
        What stands between strangers and accounts; tests give a quicker one.
    static
        Where the built page lies, if it was built.
    """
    app = FastAPI(
        title="Frazil",
        version=version("frazil"),
        description=_DESCRIPTION,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=socket.bell,
        responses=RESPONSES,
    )
    app.state.hub = hub
    app.state.guard = guard or LoginGuard()
    app.state.disk = SlowDisk()
    for router in ROUTERS:
        for route in router.routes:
            if not (isinstance(route, APIRoute) and _least_role(route)):
                raise TypeError(f"{route}: does not say who may use it")
        app.include_router(router, prefix=PREFIX)
    app.add_api_websocket_route(f"{PREFIX}/ws", socket.watch)
    add_page(app, static)
    add_handlers(app)
    # The last one is passed first.
    for door in (Unexpected, SmallBodies, SameOrigin):
        app.add_middleware(door)
    app.add_middleware(KnownHosts, config=hub.config)
    app.add_middleware(SafeHeaders)
    app.add_middleware(PackedJson)
    return app


def _least_role(route: APIRoute) -> Any:
    return route.dependencies and (route.openapi_extra or {}).get("x-least-role")
