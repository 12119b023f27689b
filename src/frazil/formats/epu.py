"""The XML that EPU (Thermo Fisher) writes beside every image."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from frazil.formats.file_bytes import FileBytes
from frazil.formats.safe_xml import Element, elements
from frazil.model.errors import InputError
from frazil.model.metadata import MovieMetadata

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST_BYTES = 1 << 20


def read_epu_xml(path: Path) -> MovieMetadata:
    """Read the metadata of one movie.

    Elements are matched by local name (namespaces differ between versions), keys by name, never by position.
    ``optics/Defocus`` is the value of a lens and not used; neither is ``DoseRate``.

    Parameters
    ----------
    path
        ``FoilHole_…_Data_….xml``.

    Returns
    -------
    MovieMetadata
        Without ``pixel_size_a``: EPU tells the pixel of its preview, see `MovieMetadata.with_movie_size`.
        What stands in the file but makes no sense (a voltage of 0) is missing.

    Raises
    ------
    InputError
        The file can't be read, is longer than 1 MiB, does not parse, or is not EPU's.
    """
    with FileBytes(path) as source:
        if source.size > _LARGEST_BYTES:
            raise InputError(f"{path}: {source.size} bytes are too many for metadata of one movie")
        document = source.read(0, source.size)
    try:
        root = elements(document)[-1]
    except ValueError as error:
        raise InputError(f"{path}: the XML can't be read ({error})") from error
    if root.name != "MicroscopeImage":
        other = "XML of other camera software" if root.find("Info") else f"XML of kind {root.name[:40]!r}"
        raise InputError(f"{path}: {other}, not of EPU (MicroscopeImage); it is not read")
    return _metadata(root)


def _metadata(root: Element) -> MovieMetadata:
    custom = _values(root.find("CustomData"))
    data = root.find("microscopeData") or Element("", {}, "")
    camera = data.find("acquisition", "camera") or Element("", {}, "")
    area = camera.find("ReadoutArea") or Element("", {}, "")
    optics = data.find("optics") or Element("", {}, "")
    position = data.find("stage", "Position") or Element("", {}, "")
    return MovieMetadata(
        source="EPU",
        image_pixel_size_a=_positive(root.find("SpatialScale", "pixelSize", "x", "numericValue"), 1e10),
        image_width_px=_count(area.find("width")),
        image_height_px=_count(area.find("height")),
        voltage_kv=_positive(data.find("gun", "AccelerationVoltage"), 1e-3),
        magnification=_positive(optics.find("TemMagnification", "NominalMagnification")),
        slit_width_ev=_positive(optics.find("EnergyFilter", "EnergySelectionSlitWidth")),
        phase_plate={"true": True, "false": False}.get(_text(custom.get("PhasePlateUsed")).lower()),
        dose_per_movie_e_per_a2=_positive(custom.get("Dose"), 1e-20),
        frames=_count(_fractions(camera)),
        exposure_s=_positive(camera.find("ExposureTime")),
        acquired_at=_time(data.find("acquisition", "acquisitionDateTime")),
        beam_shift=_pair(optics.find("BeamShift")),
        image_shift=_pair(optics.find("ImageShift")),
        stage_x_um=_number(position.find("X"), 1e6),
        stage_y_um=_number(position.find("Y"), 1e6),
        stage_z_um=_number(position.find("Z"), 1e6),
        tilt_deg=_number(position.find("A"), 180.0 / math.pi),
        nominal_defocus_a=_number(custom.get("AppliedDefocus"), -1e10),
        camera=_camera(custom),
    )


def _values(pairs: Element | None) -> dict[str, Element]:
    """Key to value of EPU's lists of pairs."""
    result = {}
    for pair in pairs.children if pairs else ():
        key, value = pair.find("Key"), pair.find("Value")
        if key is not None and value is not None:
            result[key.text] = value
    return result


def _fractions(camera: Element) -> Element | None:
    settings = _values(camera.find("CameraSpecificInput")).get("FractionationSettings")
    return settings.find("NumberOffractions") if settings else None


def _camera(custom: dict[str, Element]) -> str | None:
    """Commercial name of the detector that took the image."""
    used = _text(custom.get("BinaryResult.Detector"))
    named = custom.get(f"Detectors[{used}].CommercialName") or custom.get("DetectorCommercialName")
    return _text(named)[:100] or None


def _text(element: Element | None) -> str:
    return element.text if element else ""


def _number(element: Element | None, factor: float = 1.0) -> float | None:
    try:
        number = float(_text(element)) * factor
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _positive(element: Element | None, factor: float = 1.0) -> float | None:
    number = _number(element, factor)
    return number if number is not None and number > 0 else None


def _count(element: Element | None) -> int | None:
    number = _positive(element)
    return int(number) if number is not None and number == int(number) and number < 1e9 else None


def _pair(element: Element | None) -> tuple[float, float] | None:
    if element is None:
        return None
    x, y = _number(element.find("_x")), _number(element.find("_y"))
    return None if x is None or y is None else (x, y)


def _time(element: Element | None) -> datetime | None:
    try:
        time = datetime.fromisoformat(_text(element))
        return time if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
