"""STAR files as RELION, Warp and cisTEM write them: reading.

Blocks may come in any order, with a name or without, as loops or lists; comments, blank lines, quotes, BOM
and CRLF are taken. Column names are kept without their underscore.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import numpy as np

from frazil.formats.file_bytes import FileBytes
from frazil.formats.star_table import StarTable
from frazil.formats.star_write import write_star
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.formats.star_table import Column

__all__ = ["StarTable", "parse_star", "read_star", "write_star"]

logger = logging.getLogger(__name__)

# A row can't begin with any of these, as STAR has it; the line break before it is part of the match.
_END_OF_ROWS = re.compile(rb"\n[ \t]*(?:data_|loop_|_)", re.IGNORECASE)
_WORD = re.compile(
    rb"""'((?:[^'\n]|'(?=[^ \t\n]))*)'(?=\s|$)|"((?:[^"\n]|"(?=[^ \t\n]))*)"(?=\s|$)|(#.*)|([^ \t\n]+)"""
)
# Columns that hold names, even where each of them looks like a number.
_NAMES = re.compile(r"Name|(?:File|Image|Coordinates|Metadata|PowerSpectrum)$")
_UNUSUAL = (b"'", b'"', b"#", b"\n;", b"\v", b"\f", b"\x1c", b"\x1d", b"\x1e", b"\x1f")
_SMALL_BYTES = 1 << 18
_LARGEST_BYTES = 1 << 33


def read_star(path: Path) -> dict[str, StarTable]:
    """Read all tables of a STAR file; keys are block names without ``data_`` (may be empty).

    A column becomes int64 or float64 where every word is such a number and the column's name doesn't say that
    it holds names; else a list of str.

    Raises
    ------
    InputError
        Unreadable, not STAR, or broken; names file and line.
    """
    with FileBytes(path) as source:
        if source.size > _LARGEST_BYTES:
            raise InputError(f"{path}: {source.size} bytes are too many for a STAR file")
        return parse_star(path, source.read(0, source.size))


def parse_star(path: Path, text: bytes) -> dict[str, StarTable]:
    """Read all tables of the text of a STAR file, or of a part of it; result and errors as of `read_star`."""
    return _Reader(path, _as_utf8(path, text)).tables()


def _as_utf8(path: Path, text: bytes) -> bytes:
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            text = text.decode("utf-16").encode()
        except UnicodeError as error:
            raise InputError(f"{path}: damaged UTF-16 text ({error})") from error
    text = text.removeprefix(b"\xef\xbb\xbf")
    if b"\0" in text:
        raise InputError(f"{path}: not a STAR file (it holds binary data)")
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError:
            logger.warning("%s: not UTF-8: read as Latin-1", path)
            text = text.decode("latin-1").encode()
    return text


class _Reader:
    """Walks through the text line by line, except through the rows of loops."""

    def __init__(self, path: Path, text: bytes) -> None:
        self._path = path
        self._text = text
        self._position = 0
        self._tables: dict[str, StarTable] = {}

    def tables(self) -> dict[str, StarTable]:
        block: str | None = None
        listed: dict[str, str] = {}
        while (found := self._next_line()) is not None:
            start, words = found
            first = words[0]
            lowered = first.lower()
            if lowered.startswith("data_") and len(words) == 1:
                self._keep_list(block, listed)
                block, listed = first[5:], {}
                if block in self._tables:
                    raise self._error(start, f"there is a block data_{block} already")
            elif block is None:
                raise self._error(start, f"no STAR file: {first[:40]!r} stands before any data_ block")
            elif lowered == "loop_" and len(words) == 1:
                if block in self._tables or listed:
                    raise self._error(start, f"block data_{block} holds more than one table")
                self._tables[block] = self._read_loop(block, start)
            elif first.startswith("_") and len(first) > 1:
                if len(words) != 2 or first[1:] in listed or block in self._tables:
                    raise self._error(start, f"expected one name and one value, found {len(words)} words")
                listed[first[1:]] = words[1]
            else:
                raise self._error(start, f"{first[:40]!r} belongs to no table")
        self._keep_list(block, listed)
        if not self._tables:
            raise InputError(f"{self._path}: holds no STAR table")
        return self._tables

    def _keep_list(self, block: str | None, listed: dict[str, str]) -> None:
        if block is not None and listed:
            columns = {name: _column(name, [value]) for name, value in listed.items()}
            self._tables[block] = StarTable(columns, is_loop=False, origin=self._origin(block))

    def _origin(self, block: str) -> str:
        return f"{self._path} (data_{block})"

    def _next_line(self) -> tuple[int, list[str]] | None:
        """Start and words of the next line that has any; moves behind it."""
        while self._position < len(self._text):
            start = self._position
            end = self._text.find(b"\n", start)
            end = len(self._text) if end < 0 else end
            self._position = end + 1
            words = self._words(start, self._text[start:end])
            if words:
                return start, words
        return None

    def _words(self, start: int, line: bytes) -> list[str]:
        if line.startswith(b";"):
            raise self._error(start, "text over several lines (';') is not read")
        if b"#" not in line and b"'" not in line and b'"' not in line:
            return line.decode().split()
        words = []
        for single, double, comment, plain in _WORD.findall(line):
            if comment:
                break
            words.append((single or double or plain).decode())
        return words

    def _read_loop(self, block: str, start: int) -> StarTable:
        names: list[str] = []
        mark = self._position
        while (found := self._next_line()) is not None and found[1][0].startswith("_"):
            name = found[1][0][1:]
            if not name or name in names:
                raise self._error(found[0], f"column _{name} stands here twice or has no name")
            names.append(name)
            mark = self._position
        if not names:
            raise self._error(start, "a loop without columns")
        # The rows begin behind the last name; the search needs the line break before them.
        begin = min(mark, len(self._text))
        match = _END_OF_ROWS.search(self._text, max(begin - 1, 0))
        end = match.start() + 1 if match else len(self._text)
        self._position = max(end, begin)
        columns = self._rows(names, begin, self._text[begin:end])
        return StarTable(columns, is_loop=True, origin=self._origin(block))

    def _rows(self, names: list[str], begin: int, body: bytes) -> dict[str, Column]:
        if len(body) > _SMALL_BYTES and not any(
            sign in body for sign in (b"'", b'"', b"#", b"\n;", b"\v", b"\f")
        ):
            from frazil.formats.star_bulk import parse_rows

            columns = parse_rows(body, names, _NAMES)
            if columns is not None:
                return columns
        rows: list[list[str]] = []
        position = begin
        for line in body.split(b"\n"):
            words = self._words(position, line)
            if words:
                if len(words) != len(names):
                    raise self._error(position, f"{len(words)} words in a row of {len(names)} columns")
                rows.append(words)
            position += len(line) + 1
        if not rows:
            return {name: np.empty(0) if not _NAMES.search(name) else [] for name in names}
        return {
            name: _column(name, list(words))
            for name, words in zip(names, zip(*rows, strict=True), strict=True)
        }

    def _error(self, position: int, problem: str) -> InputError:
        line = self._text.count(b"\n", 0, position) + 1
        return InputError(f"{self._path}, line {line}: {problem}")


_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_PADDED = re.compile(r"[+-]?0[0-9]+")
_NUMBER = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?|nan|inf|infinity)", re.IGNORECASE
)


def _column(name: str, words: list[str]) -> Column:
    if _NAMES.search(name):
        return words
    if all(_INTEGER.fullmatch(word) for word in words):
        # 007 is a name, not a number: its zeros would be lost.
        return words if any(_PADDED.fullmatch(word) for word in words) else np.array(words, dtype=np.int64)
    if all(_NUMBER.fullmatch(word) for word in words):
        return np.array(words, dtype=np.float64)
    return words
