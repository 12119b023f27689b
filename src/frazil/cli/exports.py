"""``frazil exports``: what other programs get of a session."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from frazil.cli.output import AsJson, moment_text, session_number, show, size_text, table
from frazil.cli.sessions import Session  # noqa: TC001 - typer reads the annotations
from frazil.model.words import plural

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(help="Exports of a session.", no_args_is_help=True, add_completion=False)
Number = Annotated[int, typer.Argument(min=1, help="Of the export, as the list shows.")]
_LOOK_S = 1.0
_FAILED = 1


class Format(StrEnum):
    """Which program shall read it."""

    RELION = "relion"
    CRYOSPARC = "cryosparc"
    CISTEM = "cistem"
    CSV = "csv"


class Content(StrEnum):
    """What goes along."""

    MOVIES = "movies"
    MICROGRAPHS = "micrographs"
    PICKS = "picks"
    PARTICLES = "particles"
    CLASSES = "classes"


class Files(StrEnum):
    """How files come into the export."""

    LINK = "link"
    COPY = "copy"
    NONE = "none"


class Depth(StrEnum):
    """Of images."""

    STORED = "stored"
    FLOAT16 = "float16"
    FLOAT32 = "float32"


@app.command("new")
def new_export(
    session: Session,
    format_: Annotated[Format, typer.Option("--format", help="Which program shall read it.")] = Format.RELION,
    name: Annotated[str | None, typer.Option(help="Of its folder [one is found].")] = None,
    content: Annotated[
        list[Content] | None, typer.Option(help="What goes along [all but movies]; may be repeated.")
    ] = None,
    kept_by: Annotated[
        str | None, typer.Option("--filter", help="Only micrographs that this saved filter keeps.")
    ] = None,
    classes: Annotated[
        str, typer.Option(help="Particles: all, good (as the classifier judges), or a saved selection.")
    ] = "all",
    files: Annotated[
        Files, typer.Option(help="link, copy, or none: tables name the session's files.")
    ] = Files.LINK,
    depth: Annotated[Depth, typer.Option(help="Of images; RELION 3.1 needs float32.")] = Depth.STORED,
    fewest: Annotated[
        int, typer.Option("--fewest-per-group", min=1, help="Join optics groups with fewer micrographs.")
    ] = 1,
    box: Annotated[
        int | None, typer.Option("--box", help="Cut particles out again: box in pixels of the micrograph.")
    ] = None,
    pixel: Annotated[
        float | None,
        typer.Option("--pixel", help="Cut particles out again: pixel in A; 0: the micrograph's."),
    ] = None,
    recenter: Annotated[
        bool, typer.Option("--recenter", help="Cut particles out again around the centres of their classes.")
    ] = False,
    walltime: Annotated[
        int | None, typer.Option("--walltime", min=1, help="Give up after so many minutes.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Files read and written at the same time.")
    ] = None,
    memory: Annotated[
        float | None, typer.Option("--memory-gb", min=1.0, help="Fail rather than take more.")
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Only show what it would hold.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is made.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make an export of the session as it is now."""
    from frazil.cli.client import Client

    named = classes not in ("all", "good")
    request: dict[str, Any] = {
        "format": format_.value,
        "filter_name": kept_by,
        "classes": "selection" if named else classes,
        "selection": classes if named else None,
        "files": files.value,
        "image_depth": depth.value,
        "fewest_per_optics_group": fewest,
        "box_px": box,
        "pixel_size_a": pixel,
        "recenter": recenter,
        "walltime_min": walltime,
        "threads": threads,
        "memory_gb": memory,
    }
    if content:
        request["contents"] = [each.value for each in content]
    place = f"sessions/{session_number(session)}/exports"
    with Client() as client:
        if preview:
            told = client.post(f"{place}/preview", request)
            show(told, as_json, lambda: _preview_text(told))
            raise typer.Exit(_FAILED if told["problems"] else 0)
        made = client.post(place, {"name": name, "request": request})
        if wait:
            made = _wait(client, f"{place}/{made['number']}")
    show(made, as_json, lambda: _text(made))
    if made["state"] in ("failed", "cancelled"):
        raise typer.Exit(_FAILED)


@app.command("list")
def list_exports(session: Session, as_json: AsJson = False) -> None:
    """List exports, newest first."""
    from frazil.cli.client import Client

    with Client() as client:
        found = client.get(f"sessions/{session_number(session)}/exports")
    columns = {
        "number": lambda row: row["number"],
        "name": lambda row: row["name"],
        "state": lambda row: _state(row),
        "micrographs": lambda row: row["result"].get("counts", {}).get("micrographs", "–"),
        "particles": lambda row: row["result"].get("counts", {}).get("particles", "–"),
        "size": lambda row: size_text(row["result"]["bytes"]) if row["result"] else "–",
        "by": lambda row: row["created_by"],
        "at": lambda row: moment_text(row["created_at"]),
    }
    show(found, as_json, lambda: table(found, columns) if found else "no exports")


@app.command("show")
def show_export(session: Session, number: Number, as_json: AsJson = False) -> None:
    """Show an export: how far it is, where it is, what to know of it."""
    from frazil.cli.client import Client

    with Client() as client:
        found = client.get(f"sessions/{session_number(session)}/exports/{number}")
    show(found, as_json, lambda: _text(found))


@app.command()
def cancel(session: Session, number: Number) -> None:
    """Give an export up that is being made."""
    from frazil.cli.client import Client

    with Client() as client:
        client.post(f"sessions/{session_number(session)}/exports/{number}/cancel")


@app.command()
def retry(session: Session, number: Number, as_json: AsJson = False) -> None:
    """Try a failed export again."""
    from frazil.cli.client import Client

    with Client() as client:
        made = client.post(f"sessions/{session_number(session)}/exports/{number}/retry")
    show(made, as_json, lambda: _text(made))


@app.command()
def delete(session: Session, number: Number) -> None:
    """Delete an export with its folder, never what it links to."""
    from frazil.cli.client import Client

    with Client() as client:
        client.delete(f"sessions/{session_number(session)}/exports/{number}")


def _wait(client: Any, place: str) -> Any:
    import time

    while (found := client.get(place))["state"] in ("queued", "running"):
        time.sleep(_LOOK_S)
    return found


def _state(row: Mapping[str, Any]) -> str:
    if row["fraction"] is not None:
        return f"{100 * row['fraction']:.0f} %, {row['doing']}"
    return str(row["state"])


def _text(row: Mapping[str, Any]) -> str:
    lines = [f"{row['number']}: {row['name']}: {_state(row)}"]
    if row["reason"]:
        lines.append(row["reason"])
    if row["state"] == "done":
        counts = row["result"].get("counts", {})
        lines.append(", ".join(_counted(name, count) for name, count in counts.items()))
        lines.append(row["path"])
        lines += [f"note: {note}" for note in row["result"].get("notes", [])]
    return "\n".join(line for line in lines if line)


_ONE = {"movies": "movie", "micrographs": "micrograph", "particles": "particle", "classes": "class"}


def _counted(name: str, count: int) -> str:
    """Say a count of an export's result, as ``micrographs_with_picks``."""
    what, _, more = name.replace("_", " ").partition(" ")
    return plural(count, f"{_ONE.get(what, what)} {more}".rstrip(), f"{what} {more}".rstrip())


def _preview_text(told: Mapping[str, Any]) -> str:
    lines = [f"{plural(told['micrographs'], 'micrograph')}, {plural(told['particles'], 'particle')}"]
    if told["class_update"] is not None:
        which = "all" if told["classes"] is None else " ".join(map(str, told["classes"]))
        lines.append(f"classes of update {told['class_update']}: {which}")
    lines += [f"can't be made: {problem}" for problem in told["problems"]]
    lines += [f"note: {note}" for note in told["notes"]]
    return "\n".join(lines)
