"""``frazil filters``: named filters of a session's movies."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from frazil.cli.output import AsJson, session_number, show, table
from frazil.cli.sessions import Session  # noqa: TC001 - typer reads the annotations
from frazil.model.words import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

app = typer.Typer(help="Filters of a session's movies.", no_args_is_help=True, add_completion=False)
Name = Annotated[str, typer.Argument(help="Of the filter.")]
Ranges = Annotated[
    list[str] | None,
    typer.Option("--range", metavar="COLUMN=LOW..HIGH", help="Either end may be left out; may be repeated."),
]
Times = Annotated[
    list[str] | None,
    typer.Option(
        "--time", metavar="COLUMN=FROM..TO", help="As acquired_at=2026-11-26T08:00..2026-11-26T12:00, UTC."
    ),
]
States = Annotated[list[str] | None, typer.Option("--state", help="One of these; may be repeated.")]
Squares = Annotated[list[str] | None, typer.Option("--square", help="Grid square; may be repeated.")]
Holes = Annotated[list[str] | None, typer.Option("--hole", help="Foil hole; may be repeated.")]
Groups = Annotated[list[int] | None, typer.Option("--group", help="Optics group; may be repeated.")]
Movies = Annotated[list[str], typer.Argument(help="Names of movies.")]
Text = Annotated[str, typer.Option(help="Part of the name or path.")]
Negate = Annotated[bool, typer.Option("--negate", help="Keep those that fail instead.")]
KeepMissing = Annotated[bool, typer.Option("--keep-missing", help="A missing value passes a range.")]
_LISTS = {"states": "state", "grid_squares": "square", "foil_holes": "hole", "optics_groups": "group"}
_RANGE = re.compile(r"([a-z][a-z0-9_]*)=(.*)\.\.(.*)")


@app.command("list")
def list_filters(session: Session, as_json: AsJson = False) -> None:
    """List filters with the number of movies that each keeps."""
    from frazil.cli.client import Client

    with Client() as client:
        found = client.get(f"sessions/{session_number(session)}/filters")
    columns = {
        "name": lambda row: row["name"],
        "kept": lambda row: row["kept"],
        "ranges": lambda row: _ranges_text(row["definition"]),
        "by": lambda row: row["saved_by"],
    }
    show(found, as_json, lambda: table(found, columns) if found else "no filters")


@app.command()
def save(
    session: Session,
    name: Name,
    ranges: Ranges = None,
    times: Times = None,
    text: Text = "",
    states: States = None,
    squares: Squares = None,
    holes: Holes = None,
    groups: Groups = None,
    negate: Negate = False,
    keep_missing: KeepMissing = False,
    as_json: AsJson = False,
) -> None:
    """Save a filter, in place of one that had this name."""
    from frazil.cli.client import Client
    from frazil.model.errors import InputError

    content = {
        "ranges": _ranges(ranges) | _times(times),
        "text": text,
        "states": states or [],
        "grid_squares": squares or [],
        "foil_holes": holes or [],
        "optics_groups": groups or [],
        "negate": negate,
        "keep_missing": keep_missing,
    }
    place = f"sessions/{session_number(session)}"
    if "/" in name:
        # It could not be asked for again.
        raise InputError(f"a filter's name has no slash: {name}")
    with Client() as client:
        client.put(f"{place}/filters/{quote(name, safe='')}", {"definition": content})
        kept = client.get(f"{place}/kept", filter=name)
    show(kept, as_json, lambda: _kept_text(kept))


@app.command()
def count(
    session: Session,
    name: Annotated[str | None, typer.Argument(help="A saved filter.")] = None,
    ranges: Ranges = None,
    times: Times = None,
    text: Text = "",
    states: States = None,
    squares: Squares = None,
    holes: Holes = None,
    groups: Groups = None,
    negate: Negate = False,
    keep_missing: KeepMissing = False,
    as_json: AsJson = False,
) -> None:
    """Count what a filter keeps, saved or not."""
    from frazil.cli.client import Client

    content = {
        "ranges": _ranges(ranges) | _times(times),
        "text": text,
        "states": states or [],
        "grid_squares": squares or [],
        "foil_holes": holes or [],
        "optics_groups": groups or [],
        "negate": negate,
        "keep_missing": keep_missing,
    }
    with Client() as client:
        kept = client.get(
            f"sessions/{session_number(session)}/kept",
            filter=name,
            where=None if name else json.dumps(content),
        )
    show(kept, as_json, lambda: _kept_text(kept))


@app.command()
def delete(session: Session, name: Name) -> None:
    """Delete a filter."""
    from frazil.cli.client import Client

    with Client() as client:
        client.delete(f"sessions/{session_number(session)}/filters/{quote(name, safe='')}")


@app.command()
def include(session: Session, movies: Movies) -> None:
    """Keep movies whatever filters say."""
    _override(session, movies, "include")


@app.command()
def exclude(session: Session, movies: Movies) -> None:
    """Leave movies out whatever filters say."""
    _override(session, movies, "exclude")


@app.command()
def auto(session: Session, movies: Movies) -> None:
    """Leave movies to filters again."""
    _override(session, movies, "auto")


def _override(session: str, movies: list[str], override: str) -> None:
    from frazil.cli.client import Client

    with Client() as client:
        for name in movies:
            place = f"sessions/{session_number(session)}/movies/{quote(name, safe='')}"
            client.patch(place, {"override": override})


def _times(times: list[str] | None) -> dict[str, dict[str, float]]:
    told = "times are COLUMN=FROM..TO, as acquired_at=2026-11-26T08:00..2026-11-26T12:00"
    return _limits(times, _seconds, told)


def _ranges(ranges: list[str] | None) -> dict[str, dict[str, float]]:
    told = "a range is COLUMN=LOW..HIGH, as ctf_resolution_a=..5 or defocus_u_a=8000..25000"
    return _limits(ranges, float, told)


def _limits(asked: list[str] | None, value: Callable[[str], float], told: str) -> dict[str, dict[str, float]]:
    """Limits of columns from words; ``told`` is what a word that is none should be like."""
    from frazil.model.errors import InputError

    limits: dict[str, dict[str, float]] = {}
    for words in asked or []:
        match = _RANGE.fullmatch(words)
        try:
            if match is None or not (match[2] or match[3]):
                raise ValueError
            ends = {"low": match[2], "high": match[3]}
            limits[match[1]] = {name: value(end) for name, end in ends.items() if end}
        except ValueError:
            raise InputError(f"{words}: {told}") from None
    return limits


def _seconds(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _ranges_text(definition: Mapping[str, Any]) -> str:
    def end(value: float | None) -> str:
        return "" if value is None else f"{value:g}"

    words = [f"{name}={end(r['low'])}..{end(r['high'])}" for name, r in definition["ranges"].items()]
    if definition["text"]:
        words.append(f"text {definition['text']!r}")
    for kind, label in _LISTS.items():
        if definition.get(kind):
            words.append(f"{label} " + " ".join(map(str, definition[kind])))
    return ("not " if definition["negate"] else "") + (", ".join(words) or "everything")


def _kept_text(kept: Mapping[str, int]) -> str:
    decided = f" ({kept['included']} included and {kept['excluded']} excluded by hand)"
    are = "is" if kept["kept"] == 1 else "are"
    return f"{kept['kept']:,} of {plural(kept['total'], 'movie')} {are} kept" + (
        decided if kept["included"] or kept["excluded"] else ""
    )
