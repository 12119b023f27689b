"""SerialEM's mdoc: text beside a movie, or beside a tilt series or montage, which are not ours."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import TYPE_CHECKING

from frazil.formats.file_bytes import FileBytes
from frazil.model.errors import InputError
from frazil.model.metadata import MovieMetadata

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST_BYTES = 1 << 22
_SECTION = re.compile(r"\[\s*(?P<kind>\w{1,40})\s*=\s*(?P<number>[^\]]*)\]")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME = re.compile(r"(\d{1,2})-([A-Za-z]{3})-(\d{4}|\d{2})\s+(\d{1,2}):(\d{2}):(\d{2})", re.ASCII)
_HOLE_AND_POSITION = re.compile(r"(\d{1,4})[- ]+(\d{1,4})", re.ASCII)
_GRID_AND_POSITION = re.compile(r"([+-]?\d{1,4})\s+([+-]?\d{1,4})[- ]+(\d{1,4})", re.ASCII)


def read_mdoc(path: Path) -> MovieMetadata:
    """Read the metadata of one movie.

    Parameters
    ----------
    path
        ``<movie>.mdoc`` with one section ``[FrameSet = 0]``.

    Returns
    -------
    MovieMetadata
        ``image_pixel_size_a`` is that of the camera's physical pixel (``PixelSpacing / Binning``), without
        the size of an image: which camera it was, only the size of the movie can tell (see
        `frazil.formats.microscope_metadata`). A dose of 0 means that it was never calibrated: missing.

    Raises
    ------
    InputError
        The file can't be read, is longer than 4 MiB, or describes no movie.
    """
    with FileBytes(path) as source:
        if source.size > _LARGEST_BYTES:
            raise InputError(f"{path}: {source.size} bytes are too many for metadata of one movie")
        text = source.read(0, source.size)
    values = _frame_set(path, _decode(text))
    pixel_size_a, binning = _positive(values, "PixelSpacing"), _positive(values, "Binning")
    stage, tilt = _pair(values, "StagePosition"), _number(values.get("TiltAngle"))
    defocus_um = _number(values.get("TargetDefocus"))
    return MovieMetadata(
        source="mdoc",
        image_pixel_size_a=_finite(pixel_size_a / binning) if pixel_size_a and binning else None,
        voltage_kv=_positive(values, "Voltage"),
        magnification=_positive(values, "Magnification"),
        slit_width_ev=(_numbers(values.get("FilterSlitAndLoss")) or [0.0])[0] or None,
        dose_per_movie_e_per_a2=_dose(values),
        frames=_frames(values),
        exposure_s=_positive(values, "ExposureTime"),
        acquired_at=_time(values.get("DateTime", "")),
        image_shift=_pair(values, "ImageShift"),
        stage_x_um=stage[0] if stage else None,
        stage_y_um=stage[1] if stage else None,
        stage_z_um=_number(values.get("StageZ")),
        tilt_deg=tilt,
        nominal_defocus_a=None if defocus_um is None else _finite(-1e4 * defocus_um),
        multishot=_multishot(values.get("MultishotHoleAndPosition", "")),
        gain_name=_last_component(values.get("GainReference", "")),
        defect_name=_last_component(values.get("DefectFile", "")),
        rotation_and_flip=_rotation_and_flip(values),
        movie_name=_last_component(values.get("SubFramePath", "")),
    )


def _decode(text: bytes) -> str:
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _frame_set(path: Path, text: str) -> dict[str, str]:
    """Global values, and over them those of the only frame set."""
    values: dict[str, str] = {}
    kinds: list[str] = []
    for line in text.splitlines():
        section = _SECTION.match(line.strip())
        if section:
            if section["kind"] != "T":
                kinds.append(section["kind"])
        elif not kinds or kinds == ["FrameSet"]:
            key, found, value = line.partition("=")
            if found:
                values[key.strip()] = value.strip()
    if "FrameSet" not in kinds:
        raise InputError(
            f"{path}: holds no [FrameSet]; an mdoc of a tilt series or montage does not describe a movie"
        )
    if kinds != ["FrameSet"]:
        raise InputError(f"{path}: holds {len(kinds)} sections: frames of a tilt series, not one movie")
    return values


def _numbers(text: str | None) -> list[float]:
    numbers = [_number(word) for word in (text or "").split()[:1000]]
    return [number for number in numbers if number is not None]


def _number(text: str | None) -> float | None:
    try:
        return _finite(float(text or ""))
    except ValueError:
        return None


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _positive(values: dict[str, str], key: str) -> float | None:
    number = _number(values.get(key))
    return number if number is not None and number > 0 else None


def _pair(values: dict[str, str], key: str) -> tuple[float, float] | None:
    numbers = _numbers(values.get(key))
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None


def _dose(values: dict[str, str]) -> float | None:
    """Dose of the frames that were saved; where it is not told frame by frame, that of the exposure."""
    numbers = _numbers(values.get("FrameDosesAndNumber"))
    dose = sum(per_frame * count for per_frame, count in zip(numbers[::2], numbers[1::2], strict=False))
    return dose if dose > 0 and math.isfinite(dose) else _positive(values, "ExposureDose")


def _frames(values: dict[str, str]) -> int | None:
    number = _positive(values, "NumSubFrames")
    return int(number) if number is not None and number == int(number) and number < 1e9 else None


def _rotation_and_flip(values: dict[str, str]) -> int | None:
    text = values.get("RotationAndFlip", "")
    return int(text) if re.fullmatch(r"[0-7]", text) else None


def _multishot(text: str) -> str | None:
    pair = _HOLE_AND_POSITION.fullmatch(text)
    if pair:
        return f"{int(pair[1])}-{int(pair[2])}"
    grid = _GRID_AND_POSITION.fullmatch(text)
    return f"X{int(grid[1]):+d}Y{int(grid[2]):+d}-{int(grid[3])}" if grid else None


def _last_component(path: str) -> str | None:
    return re.split(r"[/\\]", path)[-1][:255] or None


def _time(text: str) -> datetime | None:
    found = _TIME.fullmatch(text)
    if not found or found[2].title() not in _MONTHS:
        return None
    year = int(found[3]) + (2000 if len(found[3]) == 2 else 0)
    day, hour, minute, second = (int(found[index]) for index in (1, 4, 5, 6))
    try:
        return datetime(year, _MONTHS.index(found[2].title()) + 1, day, hour, minute, second)
    except ValueError:
        return None
