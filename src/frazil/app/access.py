"""Who may do what: roles by group, rights of tokens and of share links."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from frazil.app.errors import DeniedError, NotFoundError
from frazil.model.errors import InputError
from frazil.store.catalogue import sessions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from frazil.store.catalogue.sessions import SessionRow

Role = Literal["viewer", "operator", "owner"]
ROLES: tuple[Role, ...] = ("viewer", "operator", "owner")
"""Of a member of a group; each may do what the ones before may."""

Scope = Literal["viewer", "operator", "owner", "admin"]
SCOPES: tuple[Scope, ...] = (*ROLES, "admin")
"""The most that a token may do."""


@dataclass(frozen=True)
class Actor:
    """A person or program that asks for something.

    Attributes
    ----------
    user_id, login
        The account; None for the server itself and for readers of share links. ``login`` names it in the
        audit log.
    is_admin
        May do everything.
    roles
        By number of group.
    everywhere
        Role in every group, for tokens of admins that may do less than they.
    shared_sessions
        Sessions that this browser may see by share links.
    scope
        The most that the credential allows.
    token_group
        The only group that the credential reaches.
    expires_at
        When the credential ends, in seconds since 1970.
    """

    user_id: int | None
    login: str
    is_admin: bool = False
    roles: Mapping[int, Role] = field(default_factory=dict)
    everywhere: Role | None = None
    shared_sessions: frozenset[int] = frozenset()
    scope: Scope = "admin"
    token_group: int | None = None
    expires_at: float | None = None

    @property
    def has_account(self) -> bool:
        """Whether it is somebody with an account, not only a reader of a share link."""
        return self.user_id is not None

    def role_in(self, group_id: int) -> Role | None:
        """Role in a group."""
        if self.is_admin:
            return "owner"
        own = self.roles.get(group_id)
        return own if own is not None else self.everywhere

    def role_for(self, session: HasGroup) -> Role | None:
        """Role for a session; a share link makes a viewer."""
        role = self.role_in(session.group_id)
        return "viewer" if role is None and session.id in self.shared_sessions else role

    def visible_groups(self) -> list[int] | None:
        """Return the groups whose sessions it sees; None: all."""
        return None if self.is_admin or self.everywhere is not None else list(self.roles)


class HasGroup(Protocol):
    """What is needed of a session to judge."""

    @property
    def id(self) -> int:
        """Number of the session."""

    @property
    def group_id(self) -> int:
        """Its group."""


SERVER = Actor(None, "server", is_admin=True)
"""The server itself: what it does by its own rules."""


def allows(have: Role | None, need: Role) -> bool:
    """Whether a role is enough."""
    return have is not None and ROLES.index(have) >= ROLES.index(need)


def require(actor: Actor, session: HasGroup, role: Role) -> None:
    """Make sure that somebody may do something with a session.

    Raises `NotFoundError` where the session must not be known, `DeniedError` where it may only be seen.
    """
    have = actor.role_for(session)
    if have is None:
        raise NotFoundError(f"there is no session S{session.id}")
    if not allows(have, role):
        raise DeniedError(
            f"{actor.login} is {have} of session S{session.id}; this needs {_article(role)}; "
            "ask an owner of its group"
        )


def require_group(actor: Actor, group_id: int, role: Role) -> None:
    """Make sure that somebody may do something in a group: `NotFoundError` or `DeniedError` otherwise."""
    have = actor.role_in(group_id)
    if have is None:
        raise NotFoundError("there is no such group, or you are not in it")
    if not allows(have, role):
        raise DeniedError(f"{actor.login} is {have} of this group; this needs {_article(role)}")


def require_admin(actor: Actor) -> None:
    """Make sure that it is an admin; `DeniedError` otherwise."""
    if not actor.is_admin:
        raise DeniedError(f"only an admin may do this, and {actor.login} is none")


def session_for(connection: Connection, actor: Actor, session_id: int, role: Role) -> SessionRow:
    """Return a session that somebody may use in this role; errors as of `require`."""
    try:
        row = sessions.get(connection, session_id)
    except InputError as error:
        raise NotFoundError(str(error)) from None
    require(actor, row, role)
    return row


def _article(role: Role) -> str:
    return f"an {role}" if role[0] in "aeiou" else f"a {role}"
