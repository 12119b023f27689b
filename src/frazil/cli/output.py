"""How commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
"""Option of every command that talks to a server."""


def show(content: Any, as_json: bool, text: Callable[[], str]) -> None:
    """Print an answer as JSON or as text."""
    typer.echo(json.dumps(content, indent=1, ensure_ascii=False) if as_json else text())


def table(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Callable[[Mapping[str, Any]], Any]]
) -> str:
    """Lay rows out under headings."""
    cells = [[str(value(row)) for value in columns.values()] for row in rows]
    widths = [max([len(name), *(len(line[place]) for line in cells)]) for place, name in enumerate(columns)]
    lines = [list(columns), *cells]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def tell_first_run(room: str, tell: Callable[[str], None]) -> None:
    """Say why this run will take longer, if none has compiled the kernels of ``compute/<room>`` yet."""
    import frazil
    from frazil.kernel_cache import FIRST_RUN, compiled_before

    if not compiled_before(Path(frazil.__file__).parent / "compute" / room):
        tell(FIRST_RUN)


def size_text(size: float) -> str:
    """Bytes for people: 1.2 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def moment_text(seconds: float | None) -> str:
    """Time of day here, with the date if it was not today."""
    if seconds is None:
        return "–"
    then, now = time.localtime(seconds), time.localtime()
    return time.strftime("%H:%M:%S" if then[:3] == now[:3] else "%Y-%m-%d %H:%M", then)


def session_number(text: str) -> int:
    """Read ``S12`` or ``12``."""
    from frazil.model.errors import InputError

    digits = text.removeprefix("S").removeprefix("s")
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits) < 2**31):
        raise InputError(f"{text}: say the number of a session, as S12; frazil sessions list shows them")
    return int(digits)
