"""STAR files as RELION writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.formats.atomic import atomic_path
from frazil.formats.star_table import StarTable
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import IO

    from numpy.typing import NDArray

    from frazil.formats.star_table import Column

_ROWS_AT_ONCE = 1 << 14
# Up to so many words Python is as quick as Arrow, which would have to be loaded first, and pandas with it.
_FEW_WORDS = 50_000
_LARGEST_DECIMAL = 1e9
_NO_WORD = r"""^$|^[_#'";]|[\pZ\pC]"""


def write_star(path: Path, blocks: Mapping[str, StarTable | Mapping[str, Column]]) -> None:
    """Write tables under their block names (without ``data_``), in the order given, whole or not at all.

    Integers are written bare, other numbers with six decimals, an empty string as ``None``. A plain mapping
    of columns is written as a loop; tables without rows are left out of the file.

    Raises
    ------
    InputError
        Columns of different lengths, blanks inside a string, a number that is not finite, nothing to write.
    """
    tables = {
        name: table if isinstance(table, StarTable) else StarTable(table) for name, table in blocks.items()
    }
    for name, table in tables.items():
        _check(path, name, table)
    if not any(len(table) for table in tables.values()):
        raise InputError(f"{path}: no rows to write")
    with atomic_path(path) as part, part.open("wb") as file:
        for name, table in tables.items():
            if len(table):
                _write_table(path, file, name, table)


def _check(path: Path, name: str, table: StarTable) -> None:
    lengths = {column: len(values) for column, values in table.columns.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"{path}: the columns of data_{name} differ in length: {lengths}")
    if not table.is_loop and len(table) > 1:
        raise InputError(f"{path}: data_{name} has {len(table)} rows, a list has one")
    for word in (name, *table.columns):
        if len(word.split()) != (1 if word else 0):
            raise InputError(f"{path}: {word!r} is no name for a block or column")


def _write_table(path: Path, file: IO[bytes], name: str, table: StarTable) -> None:
    file.write(f"\n# version 30001\n\ndata_{name}\n\n".encode())
    if table.is_loop:
        header = "".join(f"_{column} #{number} \n" for number, column in enumerate(table.columns, 1))
        file.write(b"loop_ \n" + header.encode())
        for begin in range(0, len(table), _ROWS_AT_ONCE):
            for piece in _rows(path, table, slice(begin, begin + _ROWS_AT_ONCE)):
                file.write(piece)
    else:
        for column, values in table.columns.items():
            file.write(f"_{column:<40} {_words(path, column, values)[0]}\n".encode())
    file.write(b"\n")


def _rows(path: Path, table: StarTable, rows: slice) -> Iterator[bytes]:
    parts = {name: _plain(values[rows]) for name, values in table.columns.items()}
    if len(table) * len(table.columns) <= _FEW_WORDS:
        words = [_words(path, name, values) for name, values in parts.items()]
        yield "".join(" ".join(row) + "\n" for row in zip(*words, strict=True)).encode()
        return
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [_arrow_words(path, name, values) for name, values in parts.items()]
    columns[-1] = pc.binary_join_element_wise(columns[-1], "\n", "")
    joined = pc.binary_join_element_wise(*columns, " ") if len(columns) > 1 else columns[0]
    for chunk in joined.chunks if isinstance(joined, pa.ChunkedArray) else [joined]:
        ends = np.frombuffer(chunk.buffers()[1], dtype=np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
        yield memoryview(chunk.buffers()[2])[ends[0] : ends[-1]].tobytes()


def _plain(values: Any) -> Column:
    """Return the values, Arrow's dictionaries and chunks as one array of words."""
    if hasattr(values, "combine_chunks"):
        values = values.combine_chunks()
    plain: Column = values.dictionary_decode() if hasattr(values, "dictionary_decode") else values
    return plain


def _numbers(path: Path, name: str, values: Column) -> NDArray[Any] | None:
    """Integers as int64, other numbers as float64; None for words."""
    if not isinstance(values, np.ndarray) and values and isinstance(values[0], str):
        return None
    array = np.asarray(values)
    if array.ndim != 1:
        raise InputError(f"{path}: column {name} has the shape {array.shape}")
    if array.dtype.kind in "biu":
        return array.astype(np.int64)
    if array.dtype.kind != "f":
        return None
    numbers = array.astype(np.float64)
    if not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise InputError(f"{path}: column {name}, row {row + 1} is {numbers[row]}; leave such rows out")
    return numbers


def _words(path: Path, name: str, values: Column) -> list[str]:
    numbers = _numbers(path, name, values)
    if numbers is None:
        words = [str(word) or "None" for word in values]
        for row, word in enumerate(words):
            if len(word.split()) != 1 or word[0] in "_#'\";" or "\0" in word:
                raise InputError(
                    f"{path}: column {name}, row {row + 1}: {word!r} can't be written as one word"
                )
        return words
    if numbers.dtype.kind == "i":
        return [str(value) for value in numbers.tolist()]
    # Adding zero turns -0.0 into 0.0.
    return [f"{value:.6f}" for value in (np.round(numbers, 6) + 0.0).tolist()]


def _arrow_words(path: Path, name: str, values: Column) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = None if isinstance(values, pa.Array) else _numbers(path, name, values)
    if numbers is None:
        words = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
        if pc.any(pc.match_substring_regex(words, _NO_WORD)).as_py():
            return pa.array(_words(path, name, values), pa.string())
        return words
    if numbers.dtype.kind == "i":
        return pc.cast(pa.array(numbers), pa.string())
    if numbers.size and np.abs(numbers).max() > _LARGEST_DECIMAL:
        return pa.array(_words(path, name, values), pa.string())
    # Millionths as 128-bit decimals, of which Arrow writes exactly six places, much faster than Python.
    millionths = np.rint(numbers * 1e6).astype(np.int64)
    wide = np.stack([millionths, millionths >> 63], axis=1)
    decimals = pa.Array.from_buffers(pa.decimal128(38, 6), len(numbers), [None, pa.py_buffer(wide)])
    return pc.cast(decimals, pa.string())
