"""Login, users, groups."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from frazil.app import accounts, credentials, groups
from frazil.app.access import Role, Scope  # noqa: TC001 - pydantic reads annotations
from frazil.web.asked import Asked
from frazil.web.gates import (
    CurrentActor,
    CurrentHub,
    RowId,
    credentials_of,
    guarded,
    login_cookie,
    share_cookie,
)

router = APIRouter(tags=["people"])

_COOKIE_S = 30 * 86400
Secret = Annotated[str, Path(max_length=200)]


class Login(Asked):
    """Login and password."""

    login: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=1000)


class Me(BaseModel):
    """Who is asking, and what they may do."""

    user_id: int | None = Field(description="none for readers of a share link")
    login: str
    is_admin: bool
    roles: dict[int, Role] = Field(description="by number of group")
    shared_sessions: list[int]
    scope: Scope
    expires_at: float | None


class User(BaseModel):
    """An account."""

    id: int
    login: str
    name: str
    is_admin: bool
    disabled: bool
    created_at: float
    roles: dict[int, str] = Field(description="by number of group")


class NewUser(Asked):
    """A user to be added."""

    login: str = Field(min_length=1, max_length=100)
    password: str = Field(max_length=1000)
    name: str = Field("", max_length=200)
    is_admin: bool = False


class UserChange(Asked):
    """What is to change of a user; what is left out stays."""

    name: str | None = Field(None, min_length=1, max_length=200)
    is_admin: bool | None = None
    disabled: bool | None = None
    password: str | None = Field(None, max_length=1000, description="the new one")
    old_password: str = Field("", max_length=1000, description="needed for one's own")


class Member(BaseModel):
    """Somebody in a group."""

    user_id: int
    login: str
    name: str
    role: Role


class Group(BaseModel):
    """A group."""

    id: int
    name: str
    role: Role | None = Field(description="of the one who asks")
    members: list[Member]


class NewGroup(Asked):
    """A group to be added."""

    name: str = Field(min_length=1, max_length=100)


class NewRole(Asked):
    """A role in a group."""

    role: Role


@router.post("/login", operation_id="logIn", **guarded("public"))
def log_in(hub: CurrentHub, request: Request, response: Response, body: Login) -> User:
    """Log in; the answer sets a cookie."""
    address = request.client.host if request.client else ""
    secret = credentials.log_in(hub, request.app.state.guard, body.login, body.password, address)
    _set_cookie(request, response, login_cookie(hub), secret, _COOKIE_S)
    actor = credentials.identify(hub, credentials.Credentials(login=secret))
    user_id = 0 if actor is None or actor.user_id is None else actor.user_id
    return User.model_validate(accounts.show_user(hub, user_id))


@router.post("/logout", operation_id="logOut", status_code=204, **guarded("public"))
def log_out(hub: CurrentHub, request: Request) -> Response:
    """End the login of the cookie."""
    secret = credentials_of(request).login
    if secret:
        credentials.log_out(hub, secret)
    response = Response(status_code=204)
    response.delete_cookie(login_cookie(hub))
    return response


@router.get("/me", operation_id="me", **guarded("anyone"))
def me(actor: CurrentActor) -> Me:
    """Say who is asking."""
    return Me(
        user_id=actor.user_id,
        login=actor.login,
        is_admin=actor.is_admin,
        roles=dict(actor.roles),
        shared_sessions=sorted(actor.shared_sessions),
        scope=actor.scope,
        expires_at=actor.expires_at,
    )


@router.get("/start", operation_id="start", status_code=303, response_class=Response, **guarded("public"))
def start(
    hub: CurrentHub, request: Request, token: Annotated[str, Query(min_length=1, max_length=200)]
) -> Response:
    """Log in by the link that `frazil serve` prints; it can be used once."""
    secret = credentials.use_one_time_secret(hub, token)
    response = RedirectResponse("/", 303)
    _set_cookie(request, response, login_cookie(hub), secret, _COOKIE_S)
    return response


@router.get(
    "/share/{token}", operation_id="openShare", status_code=303, response_class=Response, **guarded("public")
)
def open_share(hub: CurrentHub, request: Request, token: Secret) -> Response:
    """Open a share link: from now on this browser may look at its session."""
    session_id, expires_at = credentials.shared_session(hub, token)
    response = RedirectResponse(f"/sessions/{session_id}", 303)
    _set_cookie(request, response, share_cookie(hub, session_id), token, int(expires_at - hub.now()) + 1)
    return response


@router.get("/users", operation_id="listUsers", **guarded("admin"))
def list_users(hub: CurrentHub, actor: CurrentActor) -> list[User]:
    """All users."""
    return [User.model_validate(user) for user in accounts.list_users(hub, actor)]


@router.post("/users", operation_id="addUser", status_code=201, **guarded("admin"))
def add_user(hub: CurrentHub, actor: CurrentActor, request: Request, body: NewUser) -> User:
    """Add a user."""
    made = accounts.add_user(
        hub,
        actor,
        request.app.state.guard,
        login=body.login,
        password=body.password,
        name=body.name,
        is_admin=body.is_admin,
    )
    return User.model_validate(made)


@router.patch("/users/{user_id}", operation_id="changeUser", **guarded("account"))
def change_user(
    hub: CurrentHub, actor: CurrentActor, request: Request, user_id: RowId, body: UserChange
) -> User:
    """Change a user: name and password are their own, all else is for admins."""
    if body.password is not None:
        accounts.change_password(
            hub,
            actor,
            request.app.state.guard,
            user_id,
            password=body.password,
            old_password=body.old_password,
            keep_login=credentials_of(request).login,
        )
    changed = accounts.change_user(
        hub, actor, user_id, name=body.name, is_admin=body.is_admin, disabled=body.disabled
    )
    return User.model_validate(changed)


@router.delete("/users/{user_id}", operation_id="removeUser", status_code=204, **guarded("admin"))
def remove_user(hub: CurrentHub, actor: CurrentActor, user_id: RowId) -> None:
    """Remove a user."""
    accounts.remove_user(hub, actor, user_id)


@router.get("/groups", operation_id="listGroups", **guarded("account"))
def list_groups(hub: CurrentHub, actor: CurrentActor) -> list[Group]:
    """Return the groups one is in; for admins all."""
    return [Group.model_validate(group) for group in groups.list_groups(hub, actor)]


@router.post("/groups", operation_id="addGroup", status_code=201, **guarded("admin"))
def add_group(hub: CurrentHub, actor: CurrentActor, body: NewGroup) -> Group:
    """Add a group."""
    return Group.model_validate(groups.add_group(hub, actor, body.name))


@router.delete("/groups/{group_id}", operation_id="removeGroup", status_code=204, **guarded("admin"))
def remove_group(hub: CurrentHub, actor: CurrentActor, group_id: RowId) -> None:
    """Remove a group without sessions."""
    groups.remove_group(hub, actor, group_id)


@router.put(
    "/groups/{group_id}/members/{user_id}", operation_id="setMember", status_code=204, **guarded("admin")
)
def set_member(hub: CurrentHub, actor: CurrentActor, group_id: RowId, user_id: RowId, body: NewRole) -> None:
    """Give a user a role in a group."""
    groups.set_member(hub, actor, group_id, user_id, body.role)


@router.delete(
    "/groups/{group_id}/members/{user_id}",
    operation_id="removeMember",
    status_code=204,
    **guarded("admin"),
)
def remove_member(hub: CurrentHub, actor: CurrentActor, group_id: RowId, user_id: RowId) -> None:
    """Take a user out of a group."""
    groups.set_member(hub, actor, group_id, user_id, None)


def _set_cookie(request: Request, response: Response, name: str, secret: str, seconds: int) -> None:
    response.set_cookie(
        name,
        secret,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
