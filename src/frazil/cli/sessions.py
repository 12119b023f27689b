"""``frazil sessions``: list, new, show, copy, delete, adopt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from frazil.cli.output import AsJson, moment_text, session_number, show, size_text, table

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(help="Sessions of a server.", no_args_is_help=True, add_completion=False)
Session = Annotated[str, typer.Argument(metavar="SESSION", help="Its number, as S12.")]
Group = Annotated[str | None, typer.Option(help="Whose session it is [your only group].")]
_LETTERS = {"transfer": "T", "preprocess": "P", "classify2d": "C"}


@app.command("list")
def list_sessions(
    search: Annotated[str, typer.Option(help="Words in number, name, folder or tags.")] = "",
    group: Annotated[str | None, typer.Option(help="Only of this group.")] = None,
    life: Annotated[str | None, typer.Option(help="new, active, archived or deleting.")] = None,
    as_json: AsJson = False,
) -> None:
    """List sessions, newest first."""
    from frazil.cli.client import Client

    with Client() as client:
        found = client.get("sessions", search=search or None, group=group, life=life)
    columns = {
        "session": lambda row: row["label"],
        "name": lambda row: row["name"],
        "group": lambda row: row["group"],
        "tracks": lambda row: _tracks(row["tracks"]),
        "movies": lambda row: row["counts"].get("movies", 0),
        "done": lambda row: row["counts"].get("done", 0),
        "failed": lambda row: row["counts"].get("failed", 0),
        "particles": lambda row: row["counts"].get("particles", 0),
        "last movie": lambda row: moment_text((row["last_movie"] or {}).get("done_at")),
    }
    show(
        found,
        as_json,
        lambda: table(found, columns) if found else "no sessions; make one: frazil sessions new",
    )


@app.command("new")
def new_session(
    name: Annotated[str, typer.Argument(help="Shown name.")],
    source: Annotated[str | None, typer.Option(help="Folder or pattern where movies appear.")] = None,
    warp: Annotated[
        str | None, typer.Option(help="Instead: folder that Warp writes to, which is followed.")
    ] = None,
    folder: Annotated[str | None, typer.Option(help="Session folder, new or empty.")] = None,
    group: Group = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any setting; may be given several times."),
    ] = None,
    start: Annotated[bool, typer.Option("--start", help="Start all its tracks.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a session."""
    from frazil.cli.client import Client
    from frazil.cli.process import pairs

    given = {"name": name, "source_path": source, "folder": folder, "group": group, "warp_folder": warp}
    if warp is not None:
        given["kind"] = "warp"
    values = {**pairs(settings or []), **{key: value for key, value in given.items() if value is not None}}
    with Client() as client:
        made = client.post("sessions", {"values": values})
        if start:
            started = client.post(f"sessions/{made['id']}/tracks/start-all")
            made["warnings"] += [track["error"] for track in started if track.get("error")]
    _show_made(made, as_json)


@app.command("show")
def show_session(session: Session, as_json: AsJson = False) -> None:
    """Show a session: what it is, how far, and what its tracks do."""
    from frazil.cli.client import Client

    number = session_number(session)
    with Client() as client:
        found = client.get(f"sessions/{number}")
        tracks = client.get(f"sessions/{number}/tracks")
    show({**found, "tracks": tracks}, as_json, lambda: _session_text(found, tracks))


@app.command("copy")
def copy_session(
    session: Session,
    name: Annotated[str, typer.Argument(help="Name of the new one.")],
    folder: Annotated[str | None, typer.Option(help="Its folder, new or empty.")] = None,
    group: Group = None,
    as_json: AsJson = False,
) -> None:
    """Make a session with the settings of another, without its data."""
    from frazil.cli.client import Client

    with Client() as client:
        body = {"name": name, "folder": folder, "group": group}
        _show_made(client.post(f"sessions/{session_number(session)}/copy", body), as_json)


@app.command("delete")
def delete_session(
    session: Session,
    name: Annotated[str | None, typer.Option(help="Its name, so that nothing goes by mistake.")] = None,
    keep_raw: Annotated[bool, typer.Option("--keep-raw", help="Leave raw/ in place.")] = False,
    keep_exports: Annotated[bool, typer.Option("--keep-exports", help="Leave exports/ in place.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a session; without --name it only shows what would go."""
    from frazil.cli.client import Client

    number = session_number(session)
    with Client() as client:
        preview = client.get(f"sessions/{number}/delete-preview")
        if name is None:
            show(preview, as_json, lambda: _preview_text(session, preview))
            raise typer.Exit(1)
        body = {"name": name, "keep_raw": keep_raw, "keep_exports": keep_exports}
        client.delete(f"sessions/{number}", body)
    show({"deleting": number}, as_json, lambda: f"S{number} is being deleted")


@app.command("adopt")
def adopt_session(
    folder: Annotated[str, typer.Argument(help="Session folder of another server or of frazil process.")],
    group: Group = None,
    as_json: AsJson = False,
) -> None:
    """Make a session folder a session of this server; nothing is processed anew."""
    from pathlib import Path

    from frazil.cli.client import Client

    with Client() as client:
        body = {"folder": str(Path(folder).expanduser().absolute()), "group": group}
        _show_made(client.post("sessions/adopt", body), as_json)


def _show_made(made: Mapping[str, Any], as_json: bool) -> None:
    warnings = "".join(f"\nnote: {warning}" for warning in made["warnings"])
    show(made, as_json, lambda: f"{made['label']} {made['name']}: {made['folder']}{warnings}")


def _tracks(tracks: Mapping[str, Mapping[str, Any] | None]) -> str:
    """One letter for each track that is not stopped: T, P, C."""
    states = {name: (tracks.get(name) or {}).get("state", "stopped") for name in _LETTERS}
    return (
        " ".join(f"{_LETTERS[name]}:{state}" for name, state in states.items() if state != "stopped") or "–"
    )


def _session_text(found: Mapping[str, Any], tracks: list[Mapping[str, Any]]) -> str:
    counts = found["counts"]
    states = ", ".join(
        f"{count} {state}" for state, count in sorted(counts.items()) if state not in ("movies", "particles")
    )
    lines = [
        f"{found['label']} {found['name']} ({found['kind']}, {found['life']}), group {found['group']}",
        f"folder: {found['folder']}",
        f"source: {found['source_path'] or '–'}",
        f"settings: revision {found['settings_revision']}",
        f"movies: {counts.get('movies', 0)}{f' ({states})' if states else ''}",
        f"particles: {counts.get('particles', 0)}",
    ]
    classes = found["last_classes"]
    if classes:
        when = moment_text(classes["finished_at"])
        lines.append(f"classes: update {classes['number']}, {classes['particles']} particles, {when}")
    for track in tracks:
        reason = f": {track['reason']}" if track.get("reason") else ""
        lines.append(f"{track['track']}: {track['state']}{reason}")
    return "\n".join(lines)


def _preview_text(session: str, preview: Mapping[str, Any]) -> str:
    lines = [f"deleting {session} would remove from {preview['folder']}:"]
    for entry in preview["entries"]:
        links = f", {entry['links']} links" if entry["links"] else ""
        lines.append(f"  {entry['name']}: {entry['files']} files, {size_text(entry['bytes'])}{links}")
    if preview["others"]:
        lines.append(f"not Frazil's, stays: {', '.join(preview['others'])}")
    if preview["only_copies"]["files"]:
        size = size_text(preview["only_copies"]["bytes"])
        lines.append(
            f"CAUTION: raw/ holds the only copy of {preview['only_copies']['files']} movies ({size})"
        )
    if preview["running"]:
        lines.append(f"these tracks would be stopped: {', '.join(preview['running'])}")
    if preview["problem"]:
        lines.append(preview["problem"])
    lines.append("to do it, repeat the command with --name and the session's name")
    return "\n".join(lines)
