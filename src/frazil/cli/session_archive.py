"""``frazil sessions``: archive, unarchive, move, copy-to, moving, clean-raw."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from frazil.cli.output import AsJson, session_number, show, size_text
from frazil.cli.sessions import Session, app
from frazil.model.words import plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frazil.cli.client import Client

__all__ = ["app"]

Folder = Annotated[str, typer.Argument(help="New or empty folder on the server.")]
Wait = Annotated[bool, typer.Option("--wait", help="Until it is there.")]
Preview = Annotated[bool, typer.Option("--preview", help="Only show what it would take.")]
_FAILED = 1
_LOOK_EVERY_S = 1.0


@app.command("archive")
def archive_session(
    session: Session,
    to: Annotated[str | None, typer.Option(help="Move it to this folder first.")] = None,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Make a session read-only; with --to it moves, every file verified, and stays read-only there."""
    from frazil.cli.client import Client

    if to is not None:
        _relocate(session, to, "move", archive=True, wait=wait, as_json=as_json)
        return
    with Client() as client:
        done = client.post(f"sessions/{session_number(session)}/archive")
    show(done, as_json, lambda: f"{done['label']} {done['name']} is archived: read-only")


@app.command("unarchive")
def unarchive_session(session: Session, as_json: AsJson = False) -> None:
    """Let an archived session be worked with again."""
    from frazil.cli.client import Client

    with Client() as client:
        done = client.post(f"sessions/{session_number(session)}/unarchive")
    show(done, as_json, lambda: f"{done['label']} {done['name']} can be worked with again")


@app.command("move")
def move_session(
    session: Session, folder: Folder, preview: Preview = False, wait: Wait = False, as_json: AsJson = False
) -> None:
    """Move a whole session to another folder, every file verified; the original goes when all is there."""
    _relocate(session, folder, "move", preview=preview, wait=wait, as_json=as_json)


@app.command("copy-to")
def copy_session_to(
    session: Session, folder: Folder, preview: Preview = False, wait: Wait = False, as_json: AsJson = False
) -> None:
    """Copy a whole session with its data to another folder, every file verified."""
    _relocate(session, folder, "copy", preview=preview, wait=wait, as_json=as_json)


@app.command("moving")
def show_moving(
    session: Session,
    cancel: Annotated[bool, typer.Option("--cancel", help="Give it up; the part is removed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how far a session that is moved or copied is, or how it went last."""
    from frazil.cli.client import Client

    place = f"sessions/{session_number(session)}/relocation"
    with Client() as client:
        found = client.post(f"{place}/cancel") if cancel else client.get(place)
    show(found, as_json, lambda: _text(found))


@app.command("clean-raw")
def clean_raw(
    session: Session,
    failed: Annotated[bool, typer.Option("--failed", help="Of movies that failed or are ignored.")] = False,
    excluded: Annotated[bool, typer.Option("--excluded", help="Of movies excluded by hand.")] = False,
    rejected_by: Annotated[
        str | None, typer.Option("--filter", help="Of processed movies that this saved filter rejects.")
    ] = None,
    only_copies: Annotated[
        bool, typer.Option("--only-copies", help="Also files of which there is no other copy.")
    ] = False,
    token: Annotated[str | None, typer.Option(help="Of the list: removes exactly that.")] = None,
    as_json: AsJson = False,
) -> None:
    """Remove raw files of rejected movies; without --token it only lists them."""
    from frazil.cli.client import Client
    from frazil.model.errors import InputError

    if failed + excluded + (rejected_by is not None) != 1:
        raise InputError("say one of --failed, --excluded, --filter NAME")
    kind = "failed" if failed else "excluded" if excluded else "filter"
    rule = {"kind": kind, "filter_name": rejected_by, "only_copies": only_copies}
    place = f"sessions/{session_number(session)}/raw-cleanup"
    with Client() as client:
        if token is None:
            told = client.post(f"{place}/preview", rule)
            show(told, as_json, lambda: _listing_text(told))
            raise typer.Exit(_FAILED)
        done = client.post(place, {**rule, "token": token})
    show(done, as_json, lambda: f"{plural(done['files'], 'raw file')} removed, {size_text(done['bytes'])}")


def _listing_text(told: Mapping[str, Any]) -> str:
    lines = [
        f"{each['path']}  {size_text(each['bytes'])}  {each['mode']}"
        f"{', THE ONLY COPY' if each['only_copy'] else ''}"
        for each in told["listed"]
    ]
    if told["files"] > len(lines):
        lines.append(f"… and {told['files'] - len(lines)} more")
    what = f"{plural(told['files'], 'file')} of {plural(told['movies'], 'movie')}"
    lines.append(f"{what}, {size_text(told['bytes'])}")
    kept = told["kept_only_copies"]
    if kept["files"]:
        lines.append(
            f"not among them: {plural(kept['files'], 'file')} ({size_text(kept['bytes'])}) of which there is "
            "no other copy; --only-copies takes these, too"
        )
    lines += [f"note: {note}" for note in told["notes"]]
    if told["files"]:
        lines.append(f"to do it, repeat the command with --token {told['token']}")
    return "\n".join(lines)


def _relocate(
    session: str,
    folder: str,
    mode: str,
    *,
    archive: bool = False,
    preview: bool = False,
    wait: bool,
    as_json: bool,
) -> None:
    from pathlib import Path

    from frazil.cli.client import Client

    folder = str(Path(folder).expanduser().absolute())
    place = f"sessions/{session_number(session)}/relocation"
    with Client() as client:
        if preview:
            told = client.post(f"{place}/preview", {"folder": folder, "mode": mode})
            show(told, as_json, lambda: _preview_text(told))
            raise typer.Exit(_FAILED if told["problems"] else 0)
        found = client.post(place, {"folder": folder, "mode": mode, "archive": archive})
        if wait:
            found = _wait(client, place)
    show(found, as_json, lambda: _text(found))
    if found["state"] in ("failed", "cancelled"):
        raise typer.Exit(_FAILED)


def _wait(client: Client, place: str) -> Any:
    while (found := client.get(place))["state"] in ("copying", "removing"):
        time.sleep(_LOOK_EVERY_S)
    return found


def _preview_text(told: Mapping[str, Any]) -> str:
    size = size_text(told["bytes"])
    free = "" if told["free_bytes"] is None else f"; free there: {size_text(told['free_bytes'])}"
    lines = [
        f"to {told['target']}: {plural(told['files'], 'file')}, {plural(told['links'], 'link')}, "
        f"{size}{free}{'; on one file system: nothing is copied' if told['renames'] else ''}",
        *(f"can't be done: {problem}" for problem in told["problems"]),
    ]
    return "\n".join(lines)


def _text(found: Mapping[str, Any]) -> str:
    if found["state"] == "none":
        return "it was never moved or copied"
    text = f"{found['mode']} to {found['target']}: {found['state']}"
    if found["of_bytes"]:
        text += (
            f", {found['files']} of {plural(found['of_files'], 'file')}, "
            f"{size_text(found['bytes'])} of {size_text(found['of_bytes'])}"
        )
    return f"{text}\n{found['reason']}" if found["reason"] else text
