"""A rule that warns when too many of the last movies have a value that is too high or too low."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from frazil.model.movie_columns import COLUMN_BY_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

_RULE = re.compile(r"(?P<column>\w+)(?P<sign>[<>])(?P<limit>-?\d+(\.\d+)?)(:(?P<hits>\d+)/(?P<of>\d+))?")
_MOST = 1000


@dataclass(frozen=True)
class RangeRule:
    """Warns when ``hits`` of the last ``of`` movies lie beyond the limit.

    Attributes
    ----------
    text
        As a person wrote it: ``ctf_resolution_a>6:5/10``, or without the part behind the colon.
    column
        Which number of a movie.
    sign, limit
        ``>`` 6 or ``<`` 50.
    hits, of
        5 of 10 unless given.
    """

    text: str
    column: str
    sign: Literal["<", ">"]
    limit: float
    hits: int = 5
    of: int = 10

    def beyond(self, value: float | None) -> bool:
        """Whether a value is too high or too low; one that is missing is neither."""
        if value is None:
            return False
        return value > self.limit if self.sign == ">" else value < self.limit

    def count(self, values: Sequence[float | None]) -> int:
        """How many of the last values are too high or too low; newest first."""
        return sum(self.beyond(value) for value in values[: self.of])


def parse_rule(text: str) -> RangeRule:
    """Read a rule; ``ValueError`` says what is wrong with it."""
    match = _RULE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no rule; write it like ctf_resolution_a>6:5/10 (5 of the last 10)")
    column = COLUMN_BY_NAME.get(match["column"])
    if column is None or column.kind not in ("number", "integer"):
        raise ValueError(f"{text!r}: there is no column of numbers called {match['column']}")
    hits, of = int(match["hits"] or 5), int(match["of"] or 10)
    if not 1 <= hits <= of <= _MOST:
        raise ValueError(f"{text!r}: must say at least 1 of at most {_MOST}, as 5/10")
    sign: Literal["<", ">"] = "<" if match["sign"] == "<" else ">"
    return RangeRule(text, column.name, sign, float(match["limit"]), hits, of)
