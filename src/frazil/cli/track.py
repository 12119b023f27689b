"""``frazil track``: start, stop, restart, clear, logs."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from frazil.cli.output import AsJson, session_number, show, size_text
from frazil.cli.sessions import Session  # noqa: TC001 - typer reads the annotations

if TYPE_CHECKING:
    from collections.abc import Mapping


app = typer.Typer(help="Tracks of a session.", no_args_is_help=True, add_completion=False)
_FOLLOW_S = 1.0


class TrackChoice(StrEnum):
    """The three tracks."""

    TRANSFER = "transfer"
    PREPROCESS = "preprocess"
    CLASSIFY2D = "classify2d"


class AnyTrack(StrEnum):
    """A track, or all of them."""

    TRANSFER = "transfer"
    PREPROCESS = "preprocess"
    CLASSIFY2D = "classify2d"
    ALL = "all"


class Level(StrEnum):
    """How important a line of a log is."""

    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@app.command()
def start(session: Session, track: AnyTrack, as_json: AsJson = False) -> None:
    """Start a track, or all three."""
    _control(session, track, "start", None, as_json)


@app.command()
def stop(
    session: Session,
    track: AnyTrack,
    now: Annotated[bool, typer.Option("--now", help="Don't wait for what is in flight.")] = False,
    final_pass: Annotated[
        bool,
        typer.Option(
            "--final-pass", help="Streaming 2D classification visits every particle once more before."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Stop a track, or all three; what is in flight may finish within the grace."""
    how = {"now": now, "final_pass": True} if final_pass else {"now": now}
    _control(session, track, "stop", how, as_json)


@app.command()
def restart(
    session: Session,
    track: TrackChoice,
    preview: Annotated[bool, typer.Option("--preview", help="Only show what it would do.")] = False,
    as_json: AsJson = False,
) -> None:
    """Apply the newest settings to everything and try failures again."""
    from frazil.cli.client import Client

    if preview:
        with Client() as client:
            found = client.get(f"{_place(session, track)}/restart-preview")
        show(found, as_json, lambda: _lines(found))
        return
    _control(session, track, "restart", None, as_json)


@app.command()
def clear(
    session: Session,
    track: TrackChoice,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; otherwise it is only shown.")] = False,
    run: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Only this run of 2D classification; may be given several times."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Remove a track's products; without --yes it only shows what would go."""
    from frazil.cli.client import Client

    if not yes:
        with Client() as client:
            found = client.get(f"{_place(session, track)}/clear-preview")
        show(found, as_json, lambda: _lines(found) + "\nto do it, repeat the command with --yes")
        raise typer.Exit(1)
    _control(session, track, "clear", {"runs": run} if run else None, as_json)


@app.command()
def logs(
    session: Session,
    track: TrackChoice,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=10_000, help="How many last lines.")] = 50,
    level: Annotated[Level, typer.Option(help="Only lines of this or a higher level.")] = Level.TRACE,
    search: Annotated[str, typer.Option(help="Only lines with this text.")] = "",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new lines until Ctrl-C.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the log of a track."""
    import time

    from frazil.cli.client import Client

    place = f"sessions/{session_number(session)}/logs/{track.value}"
    chosen = {"level": level.value, "search": search or None}
    with Client() as client:
        part = client.get(place, limit=lines, **chosen)
        _show_lines(part["lines"], as_json)
        while follow:
            time.sleep(_FOLLOW_S)
            part = client.get(place, offset=part["end"], **chosen)
            _show_lines(part["lines"], as_json)


def _control(session: str, track: AnyTrack | TrackChoice, control: str, body: Any, as_json: bool) -> None:
    from frazil.cli.client import Client

    with Client() as client:
        if track.value == "all":
            answers = client.post(f"sessions/{session_number(session)}/tracks/{control}-all", body)
        else:
            answers = [client.post(f"{_place(session, track)}/{control}", body)]
    show(
        answers if track.value == "all" else answers[0], as_json, lambda: "\n".join(map(_state_text, answers))
    )
    if any(answer.get("error") for answer in answers):
        raise typer.Exit(1)


def _place(session: str, track: AnyTrack | TrackChoice) -> str:
    return f"sessions/{session_number(session)}/tracks/{track.value}"


def _state_text(answer: Mapping[str, Any]) -> str:
    if answer.get("error"):
        return f"{answer['track']}: {answer['error']}"
    reason = f" ({answer['reason']})" if answer.get("reason") else ""
    return f"{answer['track']}: {answer['state']}{reason}"


def _lines(content: Mapping[str, Any], indent: str = "") -> str:
    """Lay a preview out, name by name."""
    lines = []
    for name, value in content.items():
        label = name.replace("_", " ")
        if isinstance(value, dict):
            inner = _lines(value, indent + "  ")
            lines.append(f"{indent}{label}:" + (f"\n{inner}" if inner else " –"))
        elif isinstance(value, list):
            words = [
                ", ".join(f"{k} {v}" for k, v in item.items()) if isinstance(item, dict) else str(item)
                for item in value
            ]
            lines.append(f"{indent}{label}: {'; '.join(words) or '–'}")
        else:
            shown = size_text(value) if name == "bytes" else value
            lines.append(f"{indent}{label}: {'–' if shown in (None, '') else shown}")
    return "\n".join(lines)


def _shown(value: object) -> str:
    """Numbers to six digits, anything else as it is."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _show_lines(lines: list[dict[str, Any]], as_json: bool) -> None:
    import json

    known = {"time", "level", "message", "track", "offset", "trace"}
    for line in lines:
        if as_json:
            typer.echo(json.dumps(line, ensure_ascii=False))
            continue
        more = "  ".join(f"{name}={_shown(value)}" for name, value in line.items() if name not in known)
        when = str(line.get("time", "")).replace("T", " ").removesuffix("Z")
        typer.echo(
            f"{when} {line.get('level', '')!s:7} {line.get('message', '')}{f'  {more}' if more else ''}"
        )
        if line.get("trace"):
            typer.echo(str(line["trace"]))
