"""Who is asking: logins, tokens, share links. Of every secret only its SHA-256 is stored."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from frazil.app.access import ROLES, SCOPES, SERVER, Actor
from frazil.app.errors import NotFoundError, UnknownPersonError
from frazil.model.errors import InputError, PassingError
from frazil.store.catalogue import accounts as rows
from frazil.store.catalogue import audit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from frazil.app.access import Role, Scope
    from frazil.app.hub import Hub
    from frazil.app.passwords import LoginGuard

LOGIN_S = 7 * 86400.0
"""A login ends when it was not used for so long."""
_PROLONG_AFTER_S = 86400.0
_NOTE_USE_AFTER_S = 300.0
_ONE_TIME_S = 3600.0
TOKEN_PREFIX = "frz_"
LOCAL_LOGIN, LOCAL_GROUP = "local", "Local"
_ONE_TIME, _OWN_TOKEN = "one-time link", "command line on this machine"
ONE_TIME_SCOPE = "once"
"""Of the row of a one-time link among the tokens: it is worth a login, and nothing by itself."""


@dataclass(frozen=True)
class Credentials:
    """What a request came with.

    Attributes
    ----------
    login
        The login's secret, of the cookie.
    token
        An API token, of the Authorization header; it alone counts where it is given.
    shares
        Secrets of share links, of cookies.
    """

    login: str | None = None
    token: str | None = None
    shares: tuple[str, ...] = ()


def digest(secret: str) -> str:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def new_secret() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


def identify(hub: Hub, credentials: Credentials) -> Actor | None:
    """Return who it is; None for nobody.

    Raises `UnknownPersonError` for a token that is unknown or over: whoever gave one means to use it.
    """
    now = hub.now()
    if credentials.token is not None:
        return _by_token(hub, credentials.token, now)
    with hub.catalogue.read() as connection:
        shared = _shared(connection, credentials.shares, now)
        found = rows.login(connection, digest(credentials.login), now) if credentials.login else None
        if found is None:
            if not shared:
                return None
            sessions = frozenset(shared)
            names = ", ".join(f"S{number}" for number in sorted(sessions))
            return Actor(
                None,
                f"share link of {names}",
                shared_sessions=sessions,
                scope="viewer",
                expires_at=min(shared.values()),
            )
        user, expires_at = found
        roles = rows.roles(connection, user.id)
    if expires_at - now < LOGIN_S - _PROLONG_AFTER_S and credentials.login:
        expires_at = _prolong(hub, credentials.login, now)
    return Actor(
        user.id,
        user.login,
        is_admin=user.is_admin,
        roles=_roles(roles, "admin"),
        shared_sessions=frozenset(shared),
        expires_at=min(expires_at, *shared.values()) if shared else expires_at,
    )


def log_in(hub: Hub, guard: LoginGuard, login: str, password: str, address: str) -> str:
    """Return the secret of a new login.

    Raises `UnknownPersonError`, the same for every cause, or `TooOftenError`.
    """
    login = login.strip().lower()
    now = hub.now()
    guard.check(login[:100], address, now)
    with hub.catalogue.read() as connection:
        user = rows.user(connection, login=login)
    usable = user is not None and not user.disabled
    fits = guard.passwords.fits(user.password_hash if user is not None and usable else None, password)
    if user is None or not fits:
        raise UnknownPersonError("login and password don't fit")
    guard.succeeded(login[:100], address)
    return _new_login(hub, user.id, user.login)


def log_out(hub: Hub, secret: str) -> None:
    """End a login."""
    with hub.catalogue.write() as connection:
        rows.end_logins(connection, token_hash=digest(secret))
    hub.feed.rights_changed()


def one_time_secret(hub: Hub) -> str | None:
    """Return the secret of a link that makes whoever opens it first the admin of this machine.

    None as soon as somebody has a password: then one logs in. Only for a server that listens on loopback.
    """
    with hub.catalogue.write() as connection:
        user_id = _local_admin(connection, hub.now())
        rows.remove_tokens_called(connection, user_id, _ONE_TIME)
        if rows.with_password(connection):
            rows.end_logins(connection, user_id=user_id)
            return None
        secret = new_secret()
        _add_token(connection, hub, user_id, secret, _ONE_TIME, ONE_TIME_SCOPE, _ONE_TIME_S)
    return secret


def use_one_time_secret(hub: Hub, secret: str) -> str:
    """Return the secret of a new login of the local admin; the link is used up then.

    Raises `UnknownPersonError` for a link that is used, over, or none.
    """
    with hub.catalogue.write() as connection:
        token = rows.token(connection, digest(secret), hub.now())
        if token is None or token["scope"] != ONE_TIME_SCOPE or rows.with_password(connection):
            raise UnknownPersonError(
                "this link was used or is over; stop frazil serve and start it again for a new one"
            )
        rows.remove_token(connection, token["id"])
    return _new_login(hub, token["user_id"], LOCAL_LOGIN)


def own_token(hub: Hub) -> str:
    """Return a new admin's token for the command line on this machine; the former one ends."""
    token = TOKEN_PREFIX + new_secret()
    with hub.catalogue.write() as connection:
        user_id = _local_admin(connection, hub.now())
        rows.remove_tokens_called(connection, user_id, _OWN_TOKEN)
        _add_token(connection, hub, user_id, token, _OWN_TOKEN, "admin", None)
    return token


def shared_session(hub: Hub, secret: str) -> tuple[int, float]:
    """Return the session that a share link shows, and until when; `NotFoundError` if it is over or none."""
    with hub.catalogue.read() as connection:
        link = rows.share_link(connection, digest(secret), hub.now())
    if link is None:
        raise NotFoundError("this link is over, or it never was one; ask for a new one")
    return int(link["session_id"]), float(link["expires_at"])


def check_address(hub: Hub) -> None:
    """Raise `InputError` where the server would listen to others and nobody has an account."""
    if hub.config.is_loopback:
        return
    with hub.catalogue.read() as connection:
        if rows.with_password(connection, admins=True):
            return
    raise InputError(
        f"host {hub.config.host}: others could reach the server, but no admin has a password yet; "
        "start it on 127.0.0.1 first and run: frazil users add NAME --admin"
    )


def _by_token(hub: Hub, secret: str, now: float) -> Actor:
    with hub.catalogue.read() as connection:
        token = rows.token(connection, digest(secret), now)
        user = None if token is None else rows.user(connection, user_id=token["user_id"])
        roles = {} if user is None else rows.roles(connection, user.id)
    if token is None or user is None or token["scope"] not in SCOPES:
        raise UnknownPersonError("the token is unknown or over")
    if token["last_used_at"] is None or now - token["last_used_at"] > _NOTE_USE_AFTER_S:
        # With a full disk one must still be able to look.
        with contextlib.suppress(PassingError), hub.catalogue.write() as connection:
            rows.token_used(connection, token["id"], now)
    scope: Scope = token["scope"]
    group = token["group_id"]
    is_admin = user.is_admin and scope == "admin" and group is None
    everywhere = None
    if user.is_admin and not is_admin:
        if group is None:
            everywhere = _capped("owner", scope)
        else:
            roles = {group: "owner"}
    elif group is not None:
        roles = {number: role for number, role in roles.items() if number == group}
    return Actor(
        user.id,
        user.login,
        is_admin=is_admin,
        roles=_roles(roles, scope),
        everywhere=everywhere,
        scope=scope,
        token_group=group,
        expires_at=token["expires_at"],
    )


def _roles(stored: Mapping[int, str], scope: Scope) -> dict[int, Role]:
    return {group: _capped(role, scope) for group, role in stored.items() if role in ROLES}


def _capped(role: Role, scope: Scope) -> Role:
    return role if scope == "admin" else ROLES[min(ROLES.index(role), ROLES.index(scope))]


def _shared(connection: Connection, secrets_: tuple[str, ...], now: float) -> dict[int, float]:
    """Return the sessions that share links show, and until when."""
    links = (rows.share_link(connection, digest(secret), now) for secret in secrets_)
    return {int(link["session_id"]): float(link["expires_at"]) for link in links if link is not None}


def _prolong(hub: Hub, secret: str, now: float) -> float:
    with contextlib.suppress(PassingError), hub.catalogue.write() as connection:
        rows.prolong_login(connection, digest(secret), now + LOGIN_S)
    return now + LOGIN_S


def _new_login(hub: Hub, user_id: int, login: str) -> str:
    secret, now = new_secret(), hub.now()
    with hub.catalogue.write() as connection:
        rows.end_logins(connection, over_at=now)
        rows.add_login(connection, digest(secret), user_id, created_at=now, expires_at=now + LOGIN_S)
        audit.add(connection, at=now, who=login, what="logged in")
    return secret


def _local_admin(connection: Connection, now: float) -> int:
    """Return the number of the admin of this machine, who has no password; made if missing."""
    user = rows.user(connection, login=LOCAL_LOGIN)
    if user is not None:
        return user.id
    user_id = rows.add_user(
        connection,
        login=LOCAL_LOGIN,
        name="This machine",
        password_hash=None,
        is_admin=True,
        disabled=False,
        created_at=now,
    )
    if not rows.all_groups(connection):
        rows.add_group(connection, LOCAL_GROUP)
    audit.add(connection, at=now, who=SERVER.login, what="user added", after={"login": LOCAL_LOGIN})
    return user_id


def _add_token(
    connection: Connection,
    hub: Hub,
    user_id: int,
    secret: str,
    name: str,
    scope: str,
    seconds: float | None,
) -> None:
    now = hub.now()
    rows.add_token(
        connection,
        token_hash=digest(secret),
        user_id=user_id,
        name=name,
        scope=scope,
        group_id=None,
        created_at=now,
        expires_at=None if seconds is None else now + seconds,
        last_used_at=None,
    )
