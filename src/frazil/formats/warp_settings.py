"""``previous.settings`` of a Warp folder: what Warp was last told by its window (Warp 1 and 2)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from frazil.formats.warp_xml import read_warp_xml
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.formats.safe_xml import Element

SETTINGS_NAME = "previous.settings"
NO_PARTICLES = "Warp exports no particles: switch on Pick Particles and Export Particle in Warp"
_UM_IN_A = 1e4


@dataclass(frozen=True)
class WarpSettings:
    """What Frazil needs of Warp's settings; what is missing has Warp's own default.

    Attributes
    ----------
    pixel_size_a, bin_times
        Pixel of the raw movie in Å, and log₂ of the binning of the averages.
    model_path
        Of the picking network, as Warp has it: mostly a Windows path, which is not followed.
    minimum_score
        Of a pick.
    diameter_a, box_size_px
        Of particles; the box in pixels of the exported images.
    box_scale
        Pixel of the exported images over that of the averages.
    exports_particles, protein_is_white
        Whether particles are written at all, and their sign.
    voltage_kv, cs_mm, amplitude_contrast
        Optics.
    filters
        Warp's own filters as ranges: column of the table to (low, high), None for no limit.
    """

    pixel_size_a: float
    bin_times: float
    model_path: str
    minimum_score: float
    diameter_a: float
    box_size_px: int
    box_scale: float
    exports_particles: bool
    protein_is_white: bool
    voltage_kv: float
    cs_mm: float
    amplitude_contrast: float
    filters: dict[str, tuple[float | None, float | None]]

    @property
    def average_pixel_size_a(self) -> float:
        """Pixel of the aligned averages, in which picks are counted, Å."""
        return self.pixel_size_a * math.exp2(self.bin_times)

    @property
    def particle_pixel_size_a(self) -> float:
        """Pixel of the exported particles, Å."""
        return self.average_pixel_size_a * self.box_scale

    @property
    def networks(self) -> tuple[str, ...]:
        """Names the network may have in file names: with extension (Warp 1), without (Warp 2), verbatim."""
        last = re.split(r"[\\/]", self.model_path.rstrip("\\/"))[-1]
        stem = last.rpartition(".")[0] or last
        return tuple(name for name in dict.fromkeys((last, stem, self.model_path)) if is_file_word(name))

    @property
    def network(self) -> str:
        """The network's name, for people; empty where there is none."""
        return self.networks[0] if self.networks else ""


def is_file_word(name: str) -> bool:
    """Whether a word from a file may be part of a file name: it can't lead out of a folder."""
    return bool(name) and name.isprintable() and not re.search(r"[\\/]", name) and name not in (".", "..")


def read_warp_settings(path: Path) -> WarpSettings:
    """Read ``previous.settings`` (UTF-16 or UTF-8).

    Raises `InputError` where it can't be read or is not Warp's (also while it is being written),
    `PassingError` where the disk fails.
    """
    root = read_warp_xml(path, "Settings")
    general = _Values(path, root)
    imported, ctf, picking, filters, exported = (
        _Values(path, root.find(name)) for name in ("Import", "CTF", "Picking", "Filter", "Export")
    )
    pixel_a = general.number("PixelSizeX", imported.number("PixelSize", 1.35))
    bin_times = imported.number("BinTimes", 0.0)
    box_px, scale = picking.number("BoxSize", 128.0), 1.0
    if picking.flag("DoResample", False):
        resampled = picking.number("BoxSizeResample", box_px)
        if resampled > 0:
            box_px, scale = resampled, box_px / resampled
    if not (pixel_a > 0 and abs(bin_times) <= 10 and box_px >= 1 and scale > 0):
        raise InputError(
            f"{path}: pixel size {pixel_a:g} Å, binning {bin_times:g}, box {box_px:g} px make no sense"
        )
    return WarpSettings(
        pixel_size_a=pixel_a,
        bin_times=bin_times,
        model_path=picking.text("ModelPath", ""),
        minimum_score=picking.number("MinimumScore", 0.95),
        diameter_a=picking.number("Diameter", 200.0),
        box_size_px=round(box_px),
        box_scale=scale,
        exports_particles=picking.flag("DoExport", exported.flag("DoExport", False)),
        protein_is_white=picking.flag("Invert", True),
        voltage_kv=ctf.number("Voltage", 300.0),
        cs_mm=ctf.number("Cs", 2.7),
        amplitude_contrast=ctf.number("Amplitude", 0.07),
        filters=_filters(filters),
    )


def _filters(given: _Values) -> dict[str, tuple[float | None, float | None]]:
    low_a, high_a = (_UM_IN_A * given.number(name, 0.0) for name in ("DefocusMin", "DefocusMax"))
    found: dict[str, tuple[float | None, float | None]] = {}
    if high_a > low_a:
        found["defocus_mean_a"] = (low_a, high_a)
    if (resolution_a := given.number("ResolutionMax", 0.0)) > 0:
        found["ctf_resolution_a"] = (None, resolution_a)
    if (masked := given.number("MaskPercentage", 0.0)) > 0:
        found["contaminated_fraction"] = (None, masked / 100.0)
    if (particles := given.number("ParticlesMin", 0.0)) > 0:
        found["particles"] = (particles, None)
    return found


class _Values:
    """The ``Param`` elements of one section."""

    def __init__(self, path: Path, section: Element | None) -> None:
        self._path = path
        self._values = {
            child.attributes.get("Name", ""): child.attributes.get("Value", "")
            for child in (section.children if section is not None else ())
            if child.name == "Param"
        }

    def text(self, name: str, default: str) -> str:
        return self._values.get(name, default)

    def number(self, name: str, default: float) -> float:
        word = self._values.get(name)
        if word is None:
            return default
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InputError(f"{self._path}: {name} is {word[:40]!r}, and should be a number")
        return value

    def flag(self, name: str, default: bool) -> bool:
        word = self._values.get(name)
        return default if word is None else word.strip().lower() in ("true", "1")
