"""Movies, gain references and truth as files, the way a camera's computer leaves them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

import numpy as np
import tifffile

from frazil.formats.atomic import atomic_path
from frazil.formats.mrc_write import MrcStackWriter, write_mrc
from frazil.microscope.chance import derived_seed
from frazil.microscope.eer_events import EerWriter, encode_frame
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.microscope.exposure import SimulatedMovie

MovieFormat = Literal["tiff", "eer", "mrc"]
SUFFIX: dict[str, str] = {"tiff": ".tiff", "eer": ".eer", "mrc": ".mrcs"}
_STRIP_BYTES = 1 << 18
_CHUNKS = 40


def write_movie(
    path: Path,
    movie: SimulatedMovie,
    movie_format: MovieFormat,
    eer_pages_per_frame: int = 32,
    run_bits: int = 7,
) -> None:
    """Write a movie; it gets its name when it is complete.

    TIFF: LZW, 8 bit, rows from the top (the last row of our frame first). MRC: signed 8 bit. EER:
    ``eer_pages_per_frame`` camera frames for each frame of the movie.
    """
    pixel_size_a = movie.settings.pixel_size_a
    if movie_format == "mrc":
        with MrcStackWriter(path, pixel_size_a, depth="stored") as stack:
            for frame in movie.frames():
                stack.append(np.minimum(frame, 127).astype(np.int8))
        return
    with atomic_path(path) as part:
        if movie_format == "tiff":
            write_tiff(part, movie.frames(), pixel_size_a)
        elif movie_format == "eer":
            _write_eer(part, movie, eer_pages_per_frame, run_bits)
        else:
            raise InputError(f"movies are written as tiff, eer or mrc, not as {movie_format!r}")


def write_tiff(path: Path, frames: Iterator[NDArray[np.uint8]], pixel_size_a: float) -> None:
    """Write frames as pages of an LZW TIFF, top row first."""
    # Pixels per centimetre, as SerialEM writes them.
    resolution = 1e8 / pixel_size_a
    with tifffile.TiffWriter(path) as tiff:
        for frame in frames:
            tiff.write(
                np.ascontiguousarray(frame[::-1]),
                compression="lzw",
                photometric="minisblack",
                rowsperstrip=max(1, _STRIP_BYTES // frame.shape[1]),
                resolution=(resolution, resolution),
                resolutionunit="CENTIMETER",
                metadata=None,
                software="frazil virtual microscope",
            )


def _write_eer(path: Path, movie: SimulatedMovie, pages_per_frame: int, run_bits: int) -> None:
    s = movie.settings
    items = {
        "acquisitionID": f"simulated-{s.seed}",
        "cameraName": "virtual",
        "numberOfFrames": str(s.frames * pages_per_frame),
        "sensorPixelSize.width": f"{s.pixel_size_a * 1e-10:.6e}",
        "sensorPixelSize.height": f"{s.pixel_size_a * 1e-10:.6e}",
        "sensorImageWidth": str(s.width_px),
        "sensorImageHeight": str(s.height_px),
        "totalDose": f"{s.dose_e_per_a2 * 1e20:.6e}",
    }
    with EerWriter(path, s.height_px, s.width_px, run_bits, items) as eer:
        for f, frame in enumerate(movie.frames()):
            seed = derived_seed(s.noise_seed, 11, f) % 2**31
            data, length = encode_frame(frame, pages_per_frame, run_bits, seed)
            for page in range(pages_per_frame):
                eer.append(data[page, : length[page]].tobytes())


def write_gain(path: Path, gain: NDArray[np.float32], pixel_size_a: float) -> None:
    """Write a multiplicative gain reference: ``.mrc``, or ``.gain`` (a TIFF in EER's row order)."""
    if path.suffix == ".gain":
        with atomic_path(path) as part:
            tifffile.imwrite(part, gain, photometric="minisblack", metadata=None)
    else:
        write_mrc(path, gain, pixel_size_a, depth="float32")


def arrive_slowly(source: Path, target: Path, seconds: float) -> None:
    """Let a finished file appear at ``target`` piece by piece, as over a camera's network share."""
    size = source.stat().st_size
    with source.open("rb") as reader, target.open("wb") as writer:
        for _ in range(_CHUNKS):
            writer.write(reader.read(-(-size // _CHUNKS)))
            writer.flush()
            time.sleep(seconds / _CHUNKS)
    source.unlink()
