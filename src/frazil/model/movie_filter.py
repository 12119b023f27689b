"""A filter of movies: which ones a person wants to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from frazil.model.movie_columns import COLUMN_BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping


class Range(BaseModel):
    """Values from ``low`` to ``high``, both included; None: no limit. In the column's unit."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    low: float | None = None
    high: float | None = None


class MovieFilter(BaseModel):
    """Conditions that must all be met.

    A movie is kept if its override says include, or if it doesn't say exclude and the conditions are met.

    Attributes
    ----------
    ranges
        By column; a missing value fails unless ``keep_missing``.
    text
        Part of the name or path.
    states, grid_squares, foil_holes, optics_groups
        One of these, where any are given.
    negate
        Keep those that fail the conditions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ranges: dict[str, Range] = Field(default_factory=dict, max_length=100)
    text: str = Field(default="", max_length=200)
    states: tuple[str, ...] = Field(default=(), max_length=20)
    grid_squares: tuple[str, ...] = Field(default=(), max_length=1000)
    foil_holes: tuple[str, ...] = Field(default=(), max_length=1000)
    optics_groups: tuple[Annotated[int, Field(ge=0, le=1_000_000)], ...] = Field(default=(), max_length=1000)
    negate: bool = False
    keep_missing: bool = False

    @field_validator("ranges")
    @classmethod
    def _known(cls, ranges: Mapping[str, Range]) -> Mapping[str, Range]:
        for name in ranges:
            if name not in COLUMN_BY_NAME or COLUMN_BY_NAME[name].kind == "text":
                raise ValueError(f"there is no column of numbers called {name}")
        return ranges
