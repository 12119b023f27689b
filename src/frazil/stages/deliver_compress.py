"""Deliver an integer MRC movie as LZW-compressed TIFF, which other programs read as well."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import xxhash

from frazil.formats.mrc_header import HEADER_BYTES, parse_header
from frazil.model.errors import InputError, PassingError
from frazil.stages.deliver import Delivered, Order, give_name, require_space, standing, taken
from frazil.stages.deliver_copy import discard, open_source
from frazil.stages.deliver_errors import DeliveryCancelledError, destination_error, source_error
from frazil.stages.deliver_paths import make_target, part_name

if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

    from frazil.formats.mrc_movie import MrcMovie
    from frazil.stages.deliver_copy import Stream

_CLASSIC_LIMIT = 3 << 30
"""Bytes of pixels above which 32-bit offsets may not reach."""


def can_compress(source: Path) -> bool:
    """Whether a file is a movie of integers in plain MRC; floats gain nothing by LZW."""
    try:
        with source.open("rb") as file:
            header = parse_header(source, file.read(HEADER_BYTES))
    except (InputError, OSError):
        # Whatever it is, it is delivered as it is.
        return False
    return header.mode in (0, 1, 6, 101)


def compressed_name(relative: PurePosixPath) -> PurePosixPath:
    """Name under which a compressed movie is delivered."""
    return relative.with_suffix(".tif")


def deliver_compressed(order: Order, stream: Stream) -> Delivered:
    """Deliver ``order.source`` as TIFF, verified by decoding, under `compressed_name`.

    Rows are flipped, as everybody does who writes MRC movies as TIFF. The TIFF is decoded by an independent
    library and compared frame by frame with the original; only then does it get its name, and only then may
    `frazil.stages.deliver.remove_source` remove the original. Errors are those of `deliver`.
    """
    target = make_target(order.target_root, compressed_name(order.relative))
    part = part_name(target)
    require_space(order)
    with open_source(order.source, order.source_root, order.form):
        from frazil.formats.mrc_movie import MrcMovie  # brings numpy's and the codecs' weight

        with MrcMovie(order.source) as movie:
            if standing(order, target, any_size=True) == "copy":
                if not _same_frames(movie, target, stream):
                    raise taken(order, target)
                return Delivered(target, order.form, _checksum(target, stream), target.stat().st_size, 0)
            try:
                _write(movie, part, order, stream)
                if not _same_frames(movie, part, stream):
                    raise PassingError(f"{part}: what was written is not what was read; is the disk failing?")
                checksum = _checksum(part, stream)
            except BaseException:
                discard(part)
                raise
    size = part.stat().st_size
    give_name(order, part, target, size, None, stream)
    return Delivered(target, order.form, checksum, size, size)


def _write(movie: MrcMovie, part: Path, order: Order, stream: Stream) -> None:
    import tifffile

    part.unlink(missing_ok=True)
    pixel_bytes = movie.frames * movie.height_px * movie.width_px * movie.dtype.itemsize
    frame_bytes = order.form.size // movie.frames
    try:
        with part.open("xb") as file:
            with tifffile.TiffWriter(file, bigtiff=pixel_bytes > _CLASSIC_LIMIT) as writer:
                for index in range(movie.frames):
                    if not stream.bandwidth.wait(frame_bytes, stream.cancelled):
                        raise DeliveryCancelledError("stopped")
                    writer.write(
                        movie.read_frame(index)[::-1],
                        compression="lzw",
                        photometric="minisblack",
                        contiguous=False,
                        metadata=None,
                    )
                    stream.progress(frame_bytes)
            file.flush()
            os.fsync(file.fileno())
        os.utime(part, ns=(order.form.mtime_ns, order.form.mtime_ns))
    except OSError as error:
        if error.filename is not None and str(error.filename) == str(order.source):
            raise source_error(order.source, order.source_root, error) from error
        raise destination_error(part, order.target_root, error) from error


def _same_frames(movie: MrcMovie, path: Path, stream: Stream) -> bool:
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        if len(tiff.pages) != movie.frames:
            return False
        for index, page in enumerate(tiff.pages):
            stream.check()
            pixels, original = page.asarray()[::-1], movie.read_frame(index)
            if pixels.dtype != original.dtype or not np.array_equal(pixels, original):
                return False
    return True


def _checksum(path: Path, stream: Stream) -> str:
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            stream.check()
            digest.update(piece)
    return str(digest.hexdigest())
