"""Rows of movies as the API gives them: every column typed, none validated on the way out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fastapi import Response
from pydantic import BaseModel, Field, create_model

from frazil.model.movie_columns import MOVIE_COLUMNS

if TYPE_CHECKING:
    from frazil.model.movie_columns import MovieColumn

_TYPES: dict[str, Any] = {"text": str, "integer": int, "number": float, "time": float}


def _field(column: MovieColumn) -> tuple[Any, Any]:
    words = f"{column.label}, {column.unit}" if column.unit else column.label
    if column.kind == "time":
        words += ", s since 1970"
    return (_TYPES[column.kind] | None, Field(None, description=words))


MovieRow: type[BaseModel] = create_model(
    "MovieRow",
    __doc__="One movie; columns that were not asked for are left out, and none is what is not known.",
    number=(int, ...),
    # mypy can't see through the many.
    **{column.name: _field(column) for column in MOVIE_COLUMNS},  # type: ignore[call-overload]
)


def fast_json(content: Any) -> Response:
    """Return an answer as it is: big tables need no second look at each number."""
    return Response(
        json.dumps(content, allow_nan=False, separators=(",", ":")), media_type="application/json"
    )
