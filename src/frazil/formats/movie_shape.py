"""Kind and size of a movie by its headers alone, without any decoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from frazil.formats import tiff_pages as tags
from frazil.formats.eer_pages import is_eer, read_event_pages
from frazil.formats.file_bytes import FileBytes, compression_of
from frazil.formats.mrc_header import HEADER_BYTES, parse_header
from frazil.formats.tiff_pages import MAGIC, read_directory, require_complete
from frazil.model.errors import InputError


@dataclass(frozen=True)
class MovieShape:
    """What kind of file it is, and how large its images are."""

    kind: str
    width_px: int
    height_px: int
    frames: int

    def __str__(self) -> str:
        frames = f" x {self.frames}" if self.frames > 1 else ""
        return f"{self.kind} {self.width_px} x {self.height_px}{frames}"


def read_shape(path: Path) -> MovieShape:
    """Read the headers of an MRC, TIFF or EER movie.

    Raises `InputError` where the file is missing, empty, foreign, compressed as a whole, or not complete.
    """
    path = Path(path)
    with FileBytes(path) as source:
        head = source.read(0, min(source.size, HEADER_BYTES))
        if not head:
            raise InputError(f"{path}: empty; nothing has been written yet")
        if compression := compression_of(head):
            raise InputError(f"{path}: packed with {compression}; its size shows when it is read")
        if head[:4] not in MAGIC:
            header = parse_header(path, head)
            header.check_length(path, source.size)
            return MovieShape("MRC", header.columns, header.rows, header.sections)
        if is_eer(path):
            _, pages, _ = read_event_pages(source)
            first = read_directory(source, limit=2).pages[-1]
            return MovieShape("EER", first.integer(tags.WIDTH, 0), first.integer(tags.LENGTH, 0), len(pages))
        directory = read_directory(source)
        require_complete(path, directory)
        first = directory.pages[0]
        return MovieShape(
            "TIFF", first.integer(tags.WIDTH, 0), first.integer(tags.LENGTH, 0), len(directory.pages)
        )
