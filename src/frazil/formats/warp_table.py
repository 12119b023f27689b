"""A particle table of Warp that is read again and again: rows that were read before are not parsed anew."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash

from frazil.formats.file_bytes import FileBytes
from frazil.formats.star import parse_star
from frazil.formats.warp_particles import blocks_of_tables, read_warp_particles
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from frazil.formats.warp_particles import WarpBlock

_PIECE = 1 << 24
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_ANOTHER_TABLE = re.compile(rb"^[ \t]*(?:data_|loop_)", re.MULTILINE)


class WarpTable:
    """Particle table that grows at its end, or changes anywhere, between two looks.

    Warp writes the whole file anew whenever a movie is finished. Where it begins byte by byte (by its
    xxh3-128) as it was when it was read before, only what follows is parsed; else all of it is. It is read a
    few megabytes at a time, so that memory goes with the number of particles and not with the length of the
    text.

    Parameters
    ----------
    path
        The STAR file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._networks: tuple[str, ...] = ()
        self._forget()

    def _forget(self) -> None:
        self._header, self._digest, self._size = b"", b"", 0
        self._blocks: dict[str, WarpBlock] = {}

    def read(self, networks: Sequence[str]) -> list[WarpBlock]:
        """Read the table as it is now; parameters, result and errors as of `read_warp_particles`."""
        if tuple(networks) != self._networks:
            self._networks = tuple(networks)
            self._forget()
        try:
            with FileBytes(self.path) as source:
                content = xxhash.xxh3_128()
                if not self._begins_as_before(source, content):
                    self._forget()
                    content = xxhash.xxh3_128()
                return list(self._read_on(source, content).values())
        except InputError:
            # Not a plain list of rows, or a broken one: the whole says in which line.
            self._forget()
            return read_warp_particles(self.path, networks)

    def _begins_as_before(self, source: FileBytes, content: xxhash.xxh3_128) -> bool:
        if not 0 < self._size <= source.size:
            return False
        for at in range(0, self._size, _PIECE):
            content.update(source.read(at, min(_PIECE, self._size - at)))
        return content.digest() == self._digest

    def _read_on(self, source: FileBytes, content: xxhash.xxh3_128) -> dict[str, WarpBlock]:
        """Parse what follows the known beginning; remembers it where the last line is whole."""
        blocks, header, rest = dict(self._blocks), self._header, b""
        at = self._size
        while at < source.size:
            piece = source.read(at, min(_PIECE, source.size - at))
            content.update(piece)
            at += len(piece)
            text = rest + piece
            if not header:
                header, text = self._split(text)
            end = len(text) if at == source.size else text.rfind(b"\n") + 1
            text, rest = text[:end], text[end:]
            if _begins_another_table(text):
                raise InputError(f"{self.path}: rows do not go on to its end")
            if text.strip():
                for block in blocks_of_tables(
                    self.path, parse_star(self.path, header + text), self._networks
                ):
                    earlier = blocks.get(block.stack)
                    blocks[block.stack] = block if earlier is None else _joined(earlier, block)
        if source.size and source.read(source.size - 1, 1) == b"\n":
            self._header, self._blocks = header, blocks
            self._digest, self._size = content.digest(), source.size
        else:
            self._forget()
        return blocks

    def _split(self, text: bytes) -> tuple[bytes, bytes]:
        """Part before the first row, and the rows."""
        image = text.find(b"@")
        if image < 0 or text.startswith(_UTF_16):
            raise InputError(f"{self.path}: no plain list of rows")
        start = text.rfind(b"\n", 0, image) + 1
        return text[:start], text[start:]


def _begins_another_table(rows: bytes) -> bool:
    lowered = rows.lower()
    # Only a line can begin one; to look at every line takes ten times as long.
    return (b"data_" in lowered or b"loop_" in lowered) and _ANOTHER_TABLE.search(lowered) is not None


def _joined(one: WarpBlock, other: WarpBlock) -> WarpBlock:
    """Rows of one stack that stand apart in the table."""
    arrays = {
        field.name: np.concatenate([getattr(one, field.name), getattr(other, field.name)])
        for field in fields(one)
        if isinstance(getattr(one, field.name), np.ndarray)
    }
    known = one.ctf_resolution_a if one.ctf_resolution_a is not None else other.ctf_resolution_a
    changed: dict[str, Any] = {**arrays, "ctf_resolution_a": known}
    return replace(one, **changed)
