"""``frazil users``, ``frazil groups`` and ``frazil tokens``: who may use a server."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from frazil.cli.output import AsJson, moment_text, show, table

users = typer.Typer(help="Accounts of a server.", no_args_is_help=True, add_completion=False)
groups = typer.Typer(help="Groups of a server.", no_args_is_help=True, add_completion=False)
tokens = typer.Typer(help="Tokens for programs.", no_args_is_help=True, add_completion=False)
_PASSWORD_VARIABLE = "FRAZIL_PASSWORD"


class Role(StrEnum):
    """What a member of a group may do."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    OWNER = "owner"


class Scope(StrEnum):
    """The most that a token may do."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    OWNER = "owner"
    ADMIN = "admin"


@users.command("list")
def list_users(as_json: AsJson = False) -> None:
    """List accounts."""
    from frazil.cli.client import Client

    with Client() as client:
        found = client.get("users")
        names = {group["id"]: group["name"] for group in client.get("groups")}
    columns = {
        "login": lambda row: row["login"],
        "name": lambda row: row["name"],
        "rights": lambda row: "disabled" if row["disabled"] else "admin" if row["is_admin"] else "–",
        "groups": lambda row: _roles(row["roles"], names) or "–",
    }
    show(found, as_json, lambda: table(found, columns))


@users.command("add")
def add_user(
    login: Annotated[str, typer.Argument(help="By which they log in.")],
    name: Annotated[str, typer.Option(help="Full name.")] = "",
    admin: Annotated[bool, typer.Option("--admin", help="May do everything.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add an account; the password is asked for, or taken from FRAZIL_PASSWORD."""
    from frazil.cli.client import Client

    with Client() as client:
        body = {"login": login, "password": _password(), "name": name, "is_admin": admin}
        made = client.post("users", body)
    show(made, as_json, lambda: f"{made['login']} can log in now")


@users.command("password")
def set_password(login: Annotated[str, typer.Argument(help="Whose.")], as_json: AsJson = False) -> None:
    """Set a new password; it is asked for, or taken from FRAZIL_PASSWORD."""
    from frazil.cli.client import Client

    with Client() as client:
        changed = client.patch(f"users/{_user(client, login)}", {"password": _password()})
    show(changed, as_json, lambda: f"{login} has a new password")


@users.command("disable")
def disable_user(login: Annotated[str, typer.Argument(help="Whom.")], as_json: AsJson = False) -> None:
    """End all logins and tokens of somebody, who can't come back."""
    from frazil.cli.client import Client

    with Client() as client:
        changed = client.patch(f"users/{_user(client, login)}", {"disabled": True})
    show(changed, as_json, lambda: f"{login} can't log in any more")


@groups.command("list")
def list_groups(as_json: AsJson = False) -> None:
    """List groups."""
    from frazil.cli.client import Client

    with Client() as client:
        found = client.get("groups")
    show(found, as_json, lambda: table(found, {"group": lambda row: row["name"]}))


@groups.command("add")
def add_group(name: Annotated[str, typer.Argument(help="Its name.")], as_json: AsJson = False) -> None:
    """Add a group."""
    from frazil.cli.client import Client

    with Client() as client:
        made = client.post("groups", {"name": name})
    show(made, as_json, lambda: f"there is a group {name} now")


@groups.command("member")
def set_member(
    group: Annotated[str, typer.Argument(help="Name of the group.")],
    login: Annotated[str, typer.Argument(help="Who.")],
    role: Annotated[Role, typer.Argument(help="What they may do.")],
    as_json: AsJson = False,
) -> None:
    """Make somebody a member of a group, or change their role."""
    from frazil.cli.client import Client
    from frazil.model.errors import InputError

    with Client() as client:
        found = next((row["id"] for row in client.get("groups") if row["name"] == group), None)
        if found is None:
            raise InputError(f"there is no group {group}")
        place = f"groups/{found}/members/{_user(client, login)}"
        client.put(place, {"role": role.value})
    show(
        {"group": group, "login": login, "role": role.value},
        as_json,
        lambda: f"{login} is {role.value} of {group}",
    )


@tokens.command("list")
def list_tokens(as_json: AsJson = False) -> None:
    """List your tokens; an admin sees all."""
    from frazil.cli.client import Client

    with Client() as client:
        found = client.get("tokens")
    columns = {
        "id": lambda row: row["id"],
        "of": lambda row: row["login"],
        "name": lambda row: row["name"],
        "scope": lambda row: row["scope"],
        "until": lambda row: moment_text(row["expires_at"]),
        "last used": lambda row: moment_text(row["last_used_at"]),
    }
    show(found, as_json, lambda: table(found, columns))


@tokens.command("add")
def add_token(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[Scope, typer.Option(help="The most it may do.")] = Scope.VIEWER,
    days: Annotated[float | None, typer.Option(help="How long it lives [for ever].")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token; it is shown once."""
    from frazil.cli.client import Client

    with Client() as client:
        made = client.post("tokens", {"name": name, "scope": scope.value, "days": days})
    show(made, as_json, lambda: str(made["token"]))


@tokens.command("remove")
def remove_token(
    token_id: Annotated[int, typer.Argument(metavar="ID", help="Its number in the list.")],
    as_json: AsJson = False,
) -> None:
    """End a token."""
    from frazil.cli.client import Client

    with Client() as client:
        client.delete(f"tokens/{token_id}")
    show({"removed": token_id}, as_json, lambda: f"token {token_id} is over")


def _password() -> str:
    import os

    given = os.environ.get(_PASSWORD_VARIABLE)
    return given or str(typer.prompt("password", hide_input=True, confirmation_prompt=True, err=True))


def _user(client: Any, login: str) -> int:
    from frazil.model.errors import InputError

    found = next((row["id"] for row in client.get("users") if row["login"] == login), None)
    if found is None:
        raise InputError(f"there is no user {login}")
    return int(found)


def _roles(roles: dict[str, str], names: dict[int, str]) -> str:
    return ", ".join(f"{names.get(int(number), number)} ({role})" for number, role in roles.items())
