"""API tokens and share links: made, listed, ended. The secret is shown once, when it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.app.access import SCOPES, require_group, session_for
from frazil.app.credentials import ONE_TIME_SCOPE, TOKEN_PREFIX, digest, new_secret
from frazil.app.errors import DeniedError, NotFoundError
from frazil.model.errors import InputError
from frazil.store.catalogue import accounts as rows
from frazil.store.catalogue import audit

if TYPE_CHECKING:
    from frazil.app.access import Actor, Scope
    from frazil.app.hub import Hub

DAY_S = 86400.0


def list_tokens(hub: Hub, actor: Actor) -> list[dict[str, Any]]:
    """Return somebody's tokens; for admins all."""
    with hub.catalogue.read() as connection:
        found = rows.tokens(connection, None if actor.is_admin else _user_id(actor))
    return [token for token in found if token["scope"] != ONE_TIME_SCOPE]


def add_token(
    hub: Hub,
    actor: Actor,
    *,
    name: str,
    scope: Scope,
    group_id: int | None = None,
    days: float | None = None,
) -> dict[str, Any]:
    """Make a token that may do at most ``scope``, in all of somebody's groups or one, for ever or some days.

    A token can make none that may do more than itself. The result holds the secret as ``token``.
    """
    user_id = _user_id(actor)
    name = name.strip()
    if not name:
        raise InputError("the token needs a name, so that you know later what it is for")
    if scope == "admin" and not actor.is_admin:
        raise DeniedError("only an admin can make a token of an admin")
    if SCOPES.index(scope) > SCOPES.index(actor.scope):
        raise DeniedError(f"a token of scope {actor.scope} can't make one of scope {scope}")
    if actor.token_group is not None and group_id != actor.token_group:
        raise DeniedError("a token of one group can't make one for others")
    if group_id is not None:
        require_group(actor, group_id, "viewer")
    now = hub.now()
    secret = TOKEN_PREFIX + new_secret()
    expires_at = None if days is None else now + days * DAY_S
    if actor.scope != "admin" and actor.expires_at is not None:
        # A token can't outlive itself by its copies.
        expires_at = actor.expires_at if expires_at is None else min(expires_at, actor.expires_at)
    shown = {"name": name, "scope": scope, "group_id": group_id, "created_at": now, "expires_at": expires_at}
    with hub.catalogue.write() as connection:
        if group_id is not None and rows.group(connection, group_id=group_id) is None:
            raise NotFoundError("there is no such group, or you are not in it")
        token_id = rows.add_token(
            connection, token_hash=digest(secret), user_id=user_id, last_used_at=None, **shown
        )
        audit.add(connection, at=now, who=actor.login, what="token added", after={"id": token_id, **shown})
    return {
        "id": token_id,
        "token": secret,
        "user_id": user_id,
        "login": actor.login,
        "last_used_at": None,
        **shown,
    }


def remove_token(hub: Hub, actor: Actor, token_id: int) -> None:
    """End a token; one's own, for admins all."""
    with hub.catalogue.write() as connection:
        own = rows.tokens(connection, None if actor.is_admin else _user_id(actor))
        token = next((token for token in own if token["id"] == token_id), None)
        if token is None:
            raise NotFoundError(f"there is no token {token_id} of yours")
        rows.remove_token(connection, token_id)
        before = {key: token[key] for key in ("id", "login", "name", "scope")}
        audit.add(connection, at=hub.now(), who=actor.login, what="token removed", before=before)
    hub.feed.rights_changed()


def list_share_links(hub: Hub, actor: Actor, session_id: int) -> list[dict[str, Any]]:
    """Share links of a session; for operators."""
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "operator")
        return rows.share_links_of(connection, session_id)


def add_share_link(hub: Hub, actor: Actor, session_id: int, days: float) -> dict[str, Any]:
    """Make a link by which anybody can look at a session for some days; for operators.

    The result holds the secret as ``token``.
    """
    now = hub.now()
    secret = new_secret()
    expires_at = now + days * DAY_S
    with hub.catalogue.write() as connection:
        session_for(connection, actor, session_id, "operator")
        link_id = rows.add_share_link(
            connection,
            token_hash=digest(secret),
            session_id=session_id,
            created_by=actor.user_id,
            created_at=now,
            expires_at=expires_at,
        )
        audit.add(
            connection,
            at=now,
            who=actor.login,
            what="share link added",
            session_id=session_id,
            after={"id": link_id, "expires_at": expires_at},
        )
    return {
        "id": link_id,
        "token": secret,
        "session_id": session_id,
        "created_by": actor.user_id,
        "created_by_login": actor.login,
        "created_at": now,
        "expires_at": expires_at,
    }


def remove_share_link(hub: Hub, actor: Actor, session_id: int, link_id: int) -> None:
    """End a share link; for operators."""
    with hub.catalogue.write() as connection:
        session_for(connection, actor, session_id, "operator")
        if not rows.remove_share_link(connection, session_id, link_id):
            raise NotFoundError(f"S{session_id} has no share link {link_id}")
        audit.add(
            connection,
            at=hub.now(),
            who=actor.login,
            what="share link removed",
            session_id=session_id,
            before={"id": link_id},
        )
    hub.feed.rights_changed()


def _user_id(actor: Actor) -> int:
    if actor.user_id is None:
        raise DeniedError("this needs an account; a share link only shows")
    return actor.user_id
