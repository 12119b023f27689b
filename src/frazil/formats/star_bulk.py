"""The rows of large STAR tables by Arrow: a hundred times faster than word by word. Imports pyarrow."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from frazil.formats.star_table import Column

_PIECE = 1 << 22
_BLANK, _LINE_END = ord(" "), ord("\n")


def parse_rows(body: bytes, names: list[str], text_names: re.Pattern[str]) -> dict[str, Column] | None:
    """Columns of plain rows (no quotes, no comments), or None where a row has not one word per column."""
    try:
        table = pa.concat_tables(_parse_piece(piece, names) for piece in _pieces(body))
    except pa.ArrowInvalid:
        return None
    return {name: _convert(table.column(name), text=bool(text_names.search(name))) for name in names}


def _pieces(body: bytes) -> Iterator[bytes]:
    begin = 0
    while begin < len(body):
        end = body.find(b"\n", begin + _PIECE)
        end = len(body) if end < 0 else end + 1
        yield body[begin:end]
        begin = end


def _parse_piece(piece: bytes, names: list[str]) -> pa.Table:
    strings = {name: pa.string() for name in names}
    squeezed = _single_blanks(piece)
    if not squeezed:
        return pa.table({name: pa.array([], pa.string()) for name in names})
    return csv.read_csv(
        io.BytesIO(squeezed),
        read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=1 << 22),
        parse_options=csv.ParseOptions(delimiter=" ", quote_char=False, ignore_empty_lines=True),
        convert_options=csv.ConvertOptions(column_types=strings, strings_can_be_null=False),
    )


def _single_blanks(piece: bytes) -> bytes:
    """One blank between words, none at the ends of lines."""
    piece = piece.replace(b"\t", b" ")
    if piece.startswith(b" ") or any(pair in piece for pair in (b"  ", b" \n", b"\n ")):
        # Of each run of blanks the last one stays if a word follows …
        text = np.frombuffer(piece, dtype=np.uint8)
        blank = text == _BLANK
        drop = blank.copy()
        drop[:-1] &= blank[1:] | (text[1:] == _LINE_END)
        text = text[~drop]
        # … and none stays before the first word of a line.
        drop = text == _BLANK
        drop[1:] &= text[:-1] == _LINE_END
        piece = text[~drop].tobytes()
    return piece


def _convert(column: pa.ChunkedArray, *, text: bool) -> Column:
    numbers = None if text else _numbers(column)
    if numbers is not None:
        return numbers
    words: list[str] = column.to_pylist()
    return words


def _numbers(column: pa.ChunkedArray) -> NDArray[np.int64] | NDArray[np.float64] | None:
    if pc.any(pc.starts_with(column, "+")).as_py():  # Arrow takes no plus sign
        column = pc.replace_substring_regex(column, r"^\+", "")
    for kind in (pa.int64(), pa.float64()):
        try:
            chunks = pc.cast(column, kind).chunks
        except pa.ArrowInvalid:
            continue
        # Arrow's own way to NumPy imports pandas where it is there, which takes half a second.
        numbers: NDArray[np.int64] | NDArray[np.float64] = np.concatenate(
            [np.zeros(0, kind.to_pandas_dtype()), *(np.from_dlpack(chunk) for chunk in chunks)]
        )
        # 007 is a name, not a number, and Arrow takes 0x7 for one.
        if kind == pa.int64() and pc.any(pc.match_substring_regex(column, "^-?0.")).as_py():
            return None
        return numbers
    return None
