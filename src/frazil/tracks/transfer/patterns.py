"""Which names are movies, which go along with them, and which are left out, with the rule."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["movie", "extra"]
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")


class Verdict(NamedTuple):
    """What a file is; if it is left out, ``rule`` says why."""

    kind: Kind | None
    rule: str = ""


class Patterns:
    """Judges base names.

    Parameters
    ----------
    wanted
        Patterns of movies, whatever the case; compressed ones too.
    ignored
        Patterns of names to be left out; these win.
    extra_suffixes
        Endings of files that go along with movies.
    """

    def __init__(
        self, wanted: Sequence[str], ignored: Sequence[str] = (), extra_suffixes: Sequence[str] = ()
    ) -> None:
        self._wanted = re.compile("|".join(fnmatch.translate(p.lower()) for p in wanted) or r"(?!)")
        self._ignored = tuple(ignored)
        self._any_ignored = re.compile("|".join(fnmatch.translate(p) for p in ignored) or r"(?!)")
        self._extra = tuple(suffix.lower() for suffix in extra_suffixes if suffix)
        self._other = f"is none of {' '.join(wanted)}"

    def judge(self, name: str) -> Verdict:
        """Tell what a file of this name is."""
        if name.startswith("."):
            return Verdict(None, "is hidden")
        if self._any_ignored.match(name):
            pattern = next(p for p in self._ignored if fnmatch.fnmatchcase(name, p))
            return Verdict(None, f"is ignored as {pattern}")
        lower = name.lower()
        if self._wanted.match(_expanded(lower)):
            return Verdict("movie")
        if self._extra and lower.endswith(self._extra):
            return Verdict("extra")
        return Verdict(None, self._other)


def _expanded(name: str) -> str:
    if not name.endswith(_COMPRESSED):
        return name
    for ending in _COMPRESSED:
        if name.endswith(ending):
            return name[: -len(ending)]
    return name
