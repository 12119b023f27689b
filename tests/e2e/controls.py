"""Which controls of the page were seen and which were used in all tests of a run; none may stay untried.

Two ways to miss one: it was on the screen of a test and nobody pressed it, or it is in the sources of the
page and no test ever came to it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playwright.sync_api import BrowserContext, ConsoleMessage

_HERE = Path(__file__).parent
_LEAD = "control of a page:"
_ROOT = _HERE.parents[1]
# A press of these would leave the page, or is of something else than the page.
_EXCEPTIONS = _HERE / "controls_not_pressed.txt"
_WINDOW = "window "
_MOVIE = re.compile(r"FoilHole_(?:\d+_Data|m+)|movie_\d+")
_NUMBER = re.compile(r"\d[\d,.]*")


class Control(NamedTuple):
    """One control as the browser shows it: where, what it is, the group it stands in, its words."""

    place: str
    kind: str
    group: str
    name: str

    def words(self) -> tuple[str, ...]:
        """Its name, with and without that of its group."""
        return (f"{self.group}: {self.name}", self.name) if self.group else (self.name,)


@dataclass(frozen=True)
class Written:
    """One control as it is written in the sources; a name has ``*`` for what is known only while it runs."""

    file: str
    line: int
    kind: str
    names: tuple[str, ...]

    def fits(self, control: Control) -> str:
        """Return the name that a control fits best, or nothing."""
        if self.kind != control.kind:
            return ""
        said = [_bare(words) for words in control.words()]
        fitting = [name for name in self.names if any(_pattern(name).fullmatch(one) for one in said)]
        return max(fitting, key=_literal, default="")


# Where tests run in several processes each has its own; they are put together in the end.
_SEEN: set[Control] = set()
_USED: set[Control] = set()


def record(context: BrowserContext) -> None:
    """Note what is seen and used in all pages of a browser."""
    context.add_init_script(path=_HERE / "controls.js")

    def told(message: ConsoleMessage) -> None:
        if message.type == "debug" and message.text.startswith(_LEAD):
            item = json.loads(message.text.removeprefix(_LEAD))
            what = item.pop("what")
            (_SEEN if what == "seen" else _USED).add(Control(**item))

    context.on("console", told)


def recorded() -> dict[str, list[list[str]]]:
    """Return what this process has noted, to be sent to another."""
    return {"seen": [list(one) for one in _SEEN], "used": [list(one) for one in _USED]}


def add(told: dict[str, list[list[str]]]) -> None:
    """Take what another process has noted."""
    _SEEN.update(Control(*one) for one in told["seen"])
    _USED.update(Control(*one) for one in told["used"])


def untried() -> list[str]:
    """Say which controls no test has used, one a line."""
    written = _written()
    excepted = _exceptions()
    used = {_key(control, written) for control in _USED}
    seen = {_key(control, written) for control in _SEEN}
    lines = {f"{place} | {kind} | {name}" for place, kind, name in seen - used}
    for one in written:
        if (
            one.kind != "window"
            and any(map(_literal, one.names))
            and not any(one.fits(control) for control in _USED)
        ):
            lines.add(f"{one.file} | {one.kind} | {' / '.join(one.names[:3])}")
    needless = {line for line in excepted if line not in lines}
    return sorted(lines - excepted) + [f"{_EXCEPTIONS.name}: not needed: {line}" for line in sorted(needless)]


def coverage() -> str:
    """Say how many there are and how many were used."""
    written = _written()
    seen, used = ({_key(control, written) for control in some} for some in (_SEEN, _USED))
    return f"{len(used | seen)} controls of the page were seen, {len(used)} used"


def _key(control: Control, written: Iterable[Written]) -> tuple[str, str, str]:
    fitting = [(_literal(name), one.names[0]) for one in written if (name := one.fits(control))]
    letters, name = max(fitting, default=(0, ""))
    return _place(control.place, written), control.kind, name if letters else _plain(control.words()[0])


def _place(place: str, written: Iterable[Written]) -> str:
    """Return the place without numbers and names: one window for all sessions, people, filters."""
    if not place.startswith(_WINDOW):
        # A session without the name of a tab is its first tab.
        return re.sub(r"/\d+", "/*", re.sub(r"(/sessions/\d+)$", r"\1/operation", place))
    window = Control("", "window", "", place.removeprefix(_WINDOW).strip('"'))
    titles = [name for one in written if (name := one.fits(window)) and _literal(name)]
    return f'{_WINDOW}"{max(titles, key=_literal, default="name of a person")}"'


def _plain(words: str) -> str:
    """Words without what differs from one test to the next."""
    return re.sub(r"\*+", "*", _NUMBER.sub("*", _MOVIE.sub("*", words)))


@cache
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(_bare(part)) for part in name.split("*")), re.DOTALL)


def _literal(name: str) -> int:
    """Count of the letters that are known: with fewer than two a name says nothing."""
    letters = sum(letter.isalnum() for letter in name)
    return letters if letters > 1 else 0


def _bare(words: str) -> str:
    """Words without blanks: where a line breaks says nothing."""
    return "".join(words.split())


@cache
def _written() -> tuple[Written, ...]:
    command = [sys.executable, "scripts/build_page.py", "--npm", "run", "--silent", "controls"]
    told: list[dict[str, Any]] = json.loads(subprocess.check_output(command, text=True, cwd=_ROOT))
    return tuple(
        Written(one["file"], one["line"], one["kind"], tuple(name for name in one["names"] if name))
        for one in told
        if one["kind"] not in ("field", "place")
    )


def _exceptions() -> set[str]:
    lines = (line.split("#")[0].strip() for line in _EXCEPTIONS.read_text().splitlines())
    return {line for line in lines if line}
