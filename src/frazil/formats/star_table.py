"""One table of a STAR file in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Column = NDArray[Any] | Sequence[Any]


@dataclass
class StarTable:
    """Columns of one data block.

    Attributes
    ----------
    columns
        Name without the leading underscore to values, all of one length: int64 or float64 arrays, or lists
        of str. Written files may hold any sequence of int, float or str.
    is_loop
        False for the list form, ``_name value``, which has one row.
    origin
        File and block it was read from, for messages.
    """

    columns: Mapping[str, Column] = field(default_factory=dict)
    is_loop: bool = True
    origin: str = "table"

    def __len__(self) -> int:
        return next((len(column) for column in self.columns.values()), 0)

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def column(self, name: str) -> Column:
        """Values of a column; `InputError` where it is missing."""
        try:
            return self.columns[name]
        except KeyError:
            raise InputError(
                f"{self.origin}: has no column {name}; it has {', '.join(self.columns) or 'none at all'}"
            ) from None

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Shape (rows,), float64; `InputError` where the column is missing or holds words."""
        return self._as(name, np.float64, "numbers")

    def integers(self, name: str) -> NDArray[np.int64]:
        """Shape (rows,), int64; `InputError` where the column is missing or holds anything else."""
        values = self._as(name, np.float64, "whole numbers")
        if not ((values == np.rint(values)).all() and (np.abs(values) < 2**53).all()):
            raise InputError(f"{self.origin}: column {name} should hold whole numbers")
        return values.astype(np.int64)

    def texts(self, name: str) -> list[str]:
        """All values as words."""
        column = self.column(name)
        return [str(value) for value in (column.tolist() if isinstance(column, np.ndarray) else column)]

    def _as(self, name: str, dtype: type[np.float64], what: str) -> NDArray[np.float64]:
        column = self.column(name)
        try:
            return np.asarray(column, dtype=dtype)
        except ValueError as error:
            raise InputError(f"{self.origin}: column {name} should hold {what} ({error})") from error
