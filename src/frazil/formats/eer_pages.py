"""Where the camera frames of an EER file are, how their events are coded, and what its metadata say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from frazil.formats import tiff_pages as tags
from frazil.formats.file_bytes import FileBytes
from frazil.formats.safe_xml import elements
from frazil.formats.tiff_pages import TiffPage, read_directory, require_complete
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

EIGHT_BIT, SEVEN_BIT, ANY_BITS = 65000, 65001, 65002
_RUN_BITS, _X_BITS, _Y_BITS = 65007, 65008, 65009
_ACQUISITION_XML = 65001
_LARGEST_SIDE_PX = 1 << 14


@dataclass(frozen=True)
class EventCode:
    """How a page's bits are to be read.

    Attributes
    ----------
    width_px, height_px
        Physical pixels of the camera.
    run_bits, x_bits, y_bits
        Width of a run length and of the sub-pixel position.
    """

    width_px: int
    height_px: int
    run_bits: int
    x_bits: int
    y_bits: int


@dataclass(frozen=True)
class EventPage:
    """Offset and length of the strips that hold one camera frame."""

    strips: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        """Bytes of the frame."""
        return sum(count for _, count in self.strips)


@dataclass(frozen=True)
class EerMetadata:
    """What the camera wrote beside the events; all items by name, as text."""

    items: dict[str, str]

    @property
    def pixel_size_a(self) -> float | None:
        """Physical pixel at the specimen, Å; None where missing."""
        for key in ("sensorPixelSize.width", "sensorPixelSize"):
            try:
                size_a = float(self.items.get(key, "")) * 1e10
            except ValueError:
                continue
            if 0.05 < size_a < 50.0:
                return float(f"{size_a:.6g}")
        return None


def is_eer(path: Path) -> bool:
    """Whether a TIFF file's first or second page holds EER events (the first may be an ordinary sum)."""
    with FileBytes(path) as source:
        pages = read_directory(source, limit=2).pages
        return any(_is_event_page(page) for page in pages)


def _is_event_page(page: TiffPage) -> bool:
    return page.integer(tags.COMPRESSION, 0) in (EIGHT_BIT, SEVEN_BIT, ANY_BITS)


def read_event_pages(source: FileBytes) -> tuple[EventCode, list[EventPage], EerMetadata]:
    """Find all camera frames.

    Raises `InputError` where the file is truncated, its pages differ, or the code is not one that is read.
    """
    path = source.path
    directory = read_directory(source)
    require_complete(path, directory)
    pages = directory.pages
    if not _is_event_page(pages[0]):
        pages = pages[1:]
    if not pages:
        raise InputError(f"{path}: holds no EER events")
    code = _event_code(path, pages[0])
    first = _format_of(pages[0])
    result = []
    for number, page in enumerate(pages):
        if _format_of(page) != first:
            raise InputError(f"{path}: camera frame {number + 1} is of another size or kind than the first")
        result.append(EventPage(_strips(source, page, number, len(pages))))
    return code, result, EerMetadata(_metadata_items(pages[0].raw(_ACQUISITION_XML)))


def _format_of(page: TiffPage) -> tuple[int, ...]:
    return tuple(
        page.integer(tag, -1)
        for tag in (tags.WIDTH, tags.LENGTH, tags.COMPRESSION, _RUN_BITS, _X_BITS, _Y_BITS)
    )


def _event_code(path: Path, page: TiffPage) -> EventCode:
    compression = page.integer(tags.COMPRESSION, 0)
    if compression == ANY_BITS:
        run_bits, x_bits = page.integer(_RUN_BITS, 7), page.integer(_X_BITS, 2)
        # Prototypes have no third tag.
        y_bits = page.integer(_Y_BITS, x_bits)
    else:
        run_bits, x_bits, y_bits = (8 if compression == EIGHT_BIT else 7), 2, 2
    width, height = page.integer(tags.WIDTH, 0), page.integer(tags.LENGTH, 0)
    if not 0 < width <= _LARGEST_SIDE_PX or not 0 < height <= _LARGEST_SIDE_PX:
        raise InputError(f"{path}: EER frames of {width} x {height} pixels")
    if not 3 <= run_bits <= 16 or not 1 <= x_bits <= 4 or not 1 <= y_bits <= 4:
        raise InputError(
            f"{path}: EER events of {run_bits} bits run length and {x_bits} + {y_bits} bits position"
        )
    return EventCode(width, height, run_bits, x_bits, y_bits)


def _strips(source: FileBytes, page: TiffPage, number: int, total: int) -> tuple[tuple[int, int], ...]:
    offsets = page.values(tags.STRIP_OFFSETS).tolist()
    counts = page.values(tags.STRIP_COUNTS).tolist()
    if not offsets or len(offsets) != len(counts):
        raise InputError(f"{source.path}: camera frame {number + 1} has no data")
    strips = tuple((int(offset), int(count)) for offset, count in zip(offsets, counts, strict=True))
    if any(offset < 0 or count < 0 or offset + count > source.size for offset, count in strips):
        raise InputError(
            f"{source.path}: {number} frames readable of {total} announced; "
            "the file is truncated or still being written"
        )
    return strips


def _metadata_items(text: bytes) -> dict[str, str]:
    """``<item name="…">value</item>`` of the acquisition metadata. Unreadable metadata are no metadata."""
    try:
        found = elements(text.rstrip(b"\0"))
    except ValueError:
        return {}
    return {item.attributes["name"]: item.text for item in found if "name" in item.attributes}
