"""``frazil settings``: show and change the settings of a session."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from frazil.cli.output import AsJson, moment_text, session_number, show, size_text
from frazil.cli.sessions import Session  # noqa: TC001 - typer reads the annotations

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(help="Settings of a session.", no_args_is_help=True, add_completion=False)


class Apply(StrEnum):
    """Which movies get new settings."""

    NEW = "new"
    REDO = "redo"
    REDO_KEPT = "redo_kept"


@app.command("show")
def show_settings(
    session: Session,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]…", help="Only these.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that have their default.")] = False,
    revision: Annotated[int | None, typer.Option(min=1, help="Of an earlier revision.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show settings that differ from the default, or those that are named."""
    from frazil.cli.client import Client
    from frazil.model.errors import InputError

    place = f"sessions/{session_number(session)}/settings"
    with Client() as client:
        found = client.get(place if revision is None else f"{place}/revisions/{revision}")
    values = found["values"]
    for name in names or []:
        if name not in values:
            raise InputError(
                f"there is no setting called {name!r}; frazil settings show {session} --all lists all"
            )
    wanted = names or (list(values) if every else found["changed"])
    head = f"revision {found['revision']}, saved {moment_text(found['saved_at'])} by {found['saved_by']}"
    show(
        {**found, "values": {name: values[name] for name in wanted}},
        as_json,
        lambda: "\n".join([head, *(f"{name}={_text(values[name])}" for name in wanted)]),
    )


@app.command("set")
def set_settings(
    session: Session,
    settings: Annotated[list[str], typer.Argument(metavar="NAME=VALUE…", help="New values.")],
    apply: Annotated[
        Apply, typer.Option(help="new: only movies that come; redo: all; redo_kept: those a filter keeps.")
    ] = Apply.NEW,
    kept_by: Annotated[str | None, typer.Option("--filter", help="Named filter, for redo_kept.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Only show what it would redo.")] = False,
    as_json: AsJson = False,
) -> None:
    """Save new settings as a revision."""
    from frazil.cli.client import Client
    from frazil.cli.process import pairs

    place = f"sessions/{session_number(session)}/settings"
    with Client() as client:
        body: dict[str, Any] = {
            "values": pairs(settings),
            "base_revision": client.get(place)["revision"],
            "filter": kept_by,
        }
        if preview:
            found = client.post(f"{place}/preview", body)
            show(found, as_json, lambda: _preview_text(found))
            return
        saved = client.put(place, {**body, "apply": apply.value})
    show(
        saved,
        as_json,
        lambda: f"saved as revision {saved['revision']}; {saved['redone']} movies will be processed again",
    )


def _text(value: Any) -> str:
    if value is None:
        return "auto"
    if isinstance(value, bool):
        return "on" if value else "off"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _preview_text(found: Mapping[str, Any]) -> str:
    lines = [
        f"{change['name']}: {_text(change['before'])} -> {_text(change['after'])}"
        for change in found["changes"]
    ]
    if not lines:
        return "nothing would change"
    stages = {name: cost for name, cost in found["stages"].items() if cost["movies"]}
    lines.append(f"{found['movies']} movies are processed; with --apply redo:")
    lines += [
        f"  {name}: {cost['movies']} movies, about {cost['seconds']:.0f} s" for name, cost in stages.items()
    ]
    if stages:
        lines.append(
            f"  together about {found['seconds'] / 60:.0f} min, {size_text(found['bytes'])} rewritten"
        )
    else:
        lines.append("  nothing is redone")
    lines.append(found["classification_text"])
    return "\n".join(line for line in lines if line)
