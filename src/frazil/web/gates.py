"""Who may use a route: every route names the least role, and nobody below it gets in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from fastapi import Depends, Path, Request

from frazil.app.access import Actor, allows, require_admin, session_for
from frazil.app.credentials import Credentials, identify
from frazil.app.errors import DeniedError, NotFoundError, UnknownPersonError
from frazil.app.hub import Hub
from frazil.web.slow_disk import SlowDisk

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

Gate = Literal["public", "anyone", "account", "member", "viewer", "operator", "owner", "admin"]
"""Least role of a route.

public: nobody need be known. anyone: logged in, or by share link. account: somebody with an account.
member: operator of some group. viewer, operator, owner: of the session in the path. admin: admins.
"""

LOGIN_COOKIE, SHARE_COOKIE = "frazil_login", "frazil_share"
_MOST_SHARES = 20
_LARGEST_ID = 2**31 - 1


def guarded(gate: Gate) -> dict[str, Any]:
    """Return the arguments that guard a route: ``@router.get("/x", **guarded("viewer"))``."""
    return {
        "dependencies": [Depends(_GUARDS[gate])],
        "openapi_extra": {"x-least-role": gate},
    }


def login_cookie(hub: Hub) -> str:
    """Return the name of the login's cookie; browsers don't tell servers on other ports apart."""
    return f"{LOGIN_COOKIE}_{hub.config.port}"


def share_cookie(hub: Hub, session_id: int) -> str:
    """Return the name of the cookie of a share link."""
    return f"{SHARE_COOKIE}_{hub.config.port}_{session_id}"


def credentials_of(connection: HTTPConnection) -> Credentials:
    """Return what a request or a WebSocket came with."""
    hub: Hub = connection.app.state.hub
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    prefix = f"{SHARE_COOKIE}_{hub.config.port}_"
    shares = [value for name, value in connection.cookies.items() if name.startswith(prefix)]
    return Credentials(
        login=connection.cookies.get(login_cookie(hub)),
        token=token.strip() if scheme.lower() == "bearer" else None,
        shares=tuple(shares[:_MOST_SHARES]),
    )


@dataclass(frozen=True)
class _Guard:
    """Lets a request pass if whoever asks has the least role, and notes who it is."""

    gate: Gate

    def __call__(self, request: Request) -> None:
        hub: Hub = request.app.state.hub
        if self.gate == "public":
            return
        actor = identify(hub, credentials_of(request))
        if actor is None:
            raise UnknownPersonError("log in first, or send an API token")
        if self.gate in ("viewer", "operator", "owner"):
            with hub.catalogue.read() as connection:
                session_for(connection, actor, _session_id(request), self.gate)
        elif self.gate == "admin":
            require_admin(actor)
        elif self.gate == "account" and not actor.has_account:
            raise DeniedError("this needs an account; a share link only shows one session")
        elif self.gate == "member" and not _is_member(actor):
            raise DeniedError("this needs an operator of some group; ask an admin")
        request.state.actor = actor


def _session_id(request: Request) -> int:
    text = request.path_params.get("session_id", "")
    if not (text.isascii() and text.isdigit() and len(text) < 11 and 0 < int(text) <= _LARGEST_ID):
        raise NotFoundError("there is no such session; its number is meant, as 12 for S12")
    return int(text)


def _is_member(actor: Actor) -> bool:
    roles = (*actor.roles.values(), actor.everywhere)
    return actor.is_admin or any(allows(role, "operator") for role in roles)


_GUARDS = {gate: _Guard(gate) for gate in get_args(Gate)}


async def _hub(request: Request) -> Hub:
    hub: Hub = request.app.state.hub
    return hub


async def _disk(request: Request) -> SlowDisk:
    disk: SlowDisk = request.app.state.disk
    return disk


async def _actor(request: Request) -> Actor:
    actor: Actor = request.state.actor
    return actor


CurrentHub = Annotated[Hub, Depends(_hub)]
CurrentDisk = Annotated[SlowDisk, Depends(_disk)]
CurrentActor = Annotated[Actor, Depends(_actor)]
SessionId = Annotated[int, Path(ge=1, le=_LARGEST_ID, description="number of the session: 12 for S12")]
RowId = Annotated[int, Path(ge=1, le=_LARGEST_ID)]
MovieName = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9_-]{1,255}$", description="name of the movie's products")
]
