"""A Warp folder as Warp writes it while it works: settings, XML of movies, stacks, and the particle tables.

Every step is a method of its own, so that a test can stop in the middle of what Warp does.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image

from frazil.formats.mrc_write import write_mrc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

_COLUMNS = (
    "rlnCoordinateX",
    "rlnCoordinateY",
    "rlnMagnification",
    "rlnDetectorPixelSize",
    "rlnVoltage",
    "rlnSphericalAberration",
    "rlnAmplitudeContrast",
    "rlnPhaseShift",
    "rlnDefocusU",
    "rlnDefocusV",
    "rlnDefocusAngle",
    "rlnCtfMaxResolution",
    "rlnImageName",
    "rlnMicrographName",
)


@dataclass(frozen=True)
class WarpChoices:
    """What a person set in Warp's window.

    Attributes
    ----------
    pixel_size_a, bin_times
        Of the raw movie; log₂ of the binning.
    model
        Path of the picking network, as Windows has it.
    box_px, diameter_a, threshold
        Of particles.
    export
        Whether particles are written.
    version
        1 writes UTF-16 and float32, 2 UTF-8 and float16.
    """

    pixel_size_a: float = 1.0
    bin_times: float = 1.0
    model: str = "C:\\Models\\BoxNet2Mask_20180918"
    box_px: int = 48
    diameter_a: float = 60.0
    threshold: float = 0.95
    export: bool = True
    voltage_kv: float = 300.0
    cs_mm: float = 2.7
    amplitude_contrast: float = 0.07
    invert: bool = True
    version: int = 1

    @property
    def network(self) -> str:
        """The network's name in file names."""
        name = self.model.replace("\\", "/").rpartition("/")[2]
        return name if self.version == 1 else (name.rpartition(".")[0] or name)

    @property
    def particle_pixel_size_a(self) -> float:
        """Pixel of averages and particles, Å."""
        return self.pixel_size_a * float(np.exp2(self.bin_times))


@dataclass(frozen=True)
class WarpParticles:
    """Particles of one movie.

    Attributes
    ----------
    images
        Shape (n, box, box), protein white.
    x_px, y_px
        Shape (n,): centres, pixels of the average.
    defocus_u_a, defocus_v_a, astigmatism_angle_deg
        Shape (n,).
    """

    images: NDArray[np.float32]
    x_px: NDArray[np.float64]
    y_px: NDArray[np.float64]
    defocus_u_a: NDArray[np.float64]
    defocus_v_a: NDArray[np.float64]
    astigmatism_angle_deg: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.images)


@dataclass
class WarpOutput:
    """Writes a Warp folder.

    Attributes
    ----------
    folder
        Made if new.
    choices
        As of now; `save_settings` writes them.
    """

    folder: Path
    choices: WarpChoices = WarpChoices()
    _rows: dict[str, list[str]] = field(default_factory=dict)
    _good: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder = Path(self.folder)
        for name in ("particles", "thumbnails"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def change(self, **values: object) -> None:
        """Change settings in Warp's window, which saves them; another network has tables of its own."""
        before = self.choices.network
        self.choices = replace(self.choices, **values)  # type: ignore[arg-type]
        if self.choices.network != before:
            self._rows = {}
        self.save_settings()

    def save_settings(self) -> None:
        """Write ``previous.settings``."""
        c = self.choices
        root = {"PixelSizeX": c.pixel_size_a} if c.version == 1 else {}
        imported: dict[str, object] = {"BinTimes": c.bin_times, "Folder": "Z:\\frames", "Extension": "*.tif"}
        if c.version == 2:
            imported["PixelSize"] = c.pixel_size_a
        picking = {
            "ModelPath": c.model,
            "Diameter": c.diameter_a,
            "BoxSize": c.box_px,
            "MinimumScore": c.threshold,
            "DoExport": c.export,
            "Invert": c.invert,
        }
        ctf = {"Voltage": c.voltage_kv, "Cs": c.cs_mm, "Amplitude": c.amplitude_contrast}
        filters = {"ResolutionMax": 6.0, "DefocusMin": 0.3, "DefocusMax": 5.0, "ParticlesMin": 1}
        sections: dict[str, Mapping[str, object]] = {
            "Import": imported,
            "CTF": ctf,
            "Picking": picking,
            "Filter": filters,
        }
        body = _params(root) + "".join(f"<{n}>\n{_params(v)}</{n}>\n" for n, v in sections.items())
        self._write_xml(self.folder / "previous.settings", f"<Settings>\n{body}</Settings>\n")

    def write_xml(self, movie: str, particles: WarpParticles | None = None, *, good: bool = True) -> None:
        """Write ``<movie>.xml``."""
        u, v, angle = 12000.0, 12000.0, 0.0
        if particles is not None and len(particles):
            u, v = float(particles.defocus_u_a.mean()), float(particles.defocus_v_a.mean())
            angle = float(particles.astigmatism_angle_deg[0])
        ctf = {
            "PixelSize": self.choices.particle_pixel_size_a,
            "Defocus": (u + v) / 2e4,
            "DefocusDelta": (u - v) / 1e4,
            "DefocusAngle": angle,
            "PhaseShift": 0,
            "Cs": self.choices.cs_mm,
            "Voltage": self.choices.voltage_kv,
            "Amplitude": self.choices.amplitude_contrast,
        }
        options = {"Dimensions": "1000, 1000, 40", "BinTimes": self.choices.bin_times}
        body = f"<OptionsCTF>\n{_params(options)}</OptionsCTF>\n<CTF>\n{_params(ctf)}</CTF>\n"
        body += f"<OptionsMovieExport>\n{_params({'DosePerAngstromFrame': 1.0})}</OptionsMovieExport>\n"
        words = (
            f'UnselectFilter="{not good}" UnselectManual="null" CTFResolutionEstimate="4.5" '
            'MeanFrameMovement="0.8" MaskPercentage="2.5"'
        )
        self._good[movie] = good
        self._write_xml(self.folder / f"{movie}.xml", f"<Movie {words}>\n{body}</Movie>\n")

    def write_thumbnail(self, movie: str) -> None:
        """Write a picture of the average."""
        noise = np.random.default_rng(len(self._rows)).normal(128.0, 30.0, (96, 96)).clip(0, 255)
        Image.fromarray(noise.astype(np.uint8)).save(self.folder / "thumbnails" / f"{movie}.png")

    def stack_path(self, movie: str) -> Path:
        """Where the particles of a movie are written."""
        return self.folder / "particles" / f"{movie}_{self.choices.network}.mrcs"

    def write_stack(self, movie: str, particles: WarpParticles) -> None:
        """Write the particle images of a movie, in place of those that were there."""
        depth = "float32" if self.choices.version == 1 else "float16"
        pixel_a = self.choices.particle_pixel_size_a
        write_mrc(self.stack_path(movie), particles.images, pixel_a, depth=depth)  # type: ignore[arg-type]

    def set_rows(self, movie: str, particles: WarpParticles) -> None:
        """Let the tables hold these particles of a movie, where its rows stood before if there were any."""
        stack = f"particles/{self.stack_path(movie).name}"
        c = self.choices
        self._rows[movie] = [
            "  ".join(
                f"{word:>14}"
                for word in (
                    f"{particles.x_px[i]:.3f}",
                    f"{particles.y_px[i]:.3f}",
                    "10000.0",
                    f"{c.particle_pixel_size_a:.4f}",
                    f"{c.voltage_kv:.1f}",
                    f"{c.cs_mm:.2f}",
                    f"{c.amplitude_contrast:.2f}",
                    "0.0",
                    f"{particles.defocus_u_a[i]:.1f}",
                    f"{particles.defocus_v_a[i]:.1f}",
                    f"{particles.astigmatism_angle_deg[i]:.3f}",
                    "4.5",
                    f"{i + 1:07d}@{stack}",
                    f"{movie}.mrc",
                )
            )
            for i in range(len(particles))
        ]

    def table_path(self, which: str = "all") -> Path:
        """Where a particle table lies."""
        return self.folder / f"{which}particles_{self.choices.network}.star"

    def table_text(self, which: str = "all") -> str:
        """Text of a particle table."""
        movies: Iterable[str] = self._rows
        if which == "good":
            movies = (movie for movie in self._rows if self._good.get(movie, True))
        names = "".join(f"_{name} #{place}\n" for place, name in enumerate(_COLUMNS, 1))
        rows = "".join(f"  {row}\n" for movie in movies for row in self._rows[movie])
        return f"\ndata_\n\nloop_\n{names}{rows}"

    def write_tables(self) -> None:
        """Write both tables as Warp does: beside the old ones, which go before the new ones are renamed."""
        for which in ("all", "good"):
            path = self.table_path(which)
            part = path.with_name(f"{path.name}_new")
            part.write_text(self.table_text(which))
            path.unlink(missing_ok=True)
            os.rename(part, path)  # noqa: PTH104 - as Warp does

    def process(self, movie: str, particles: WarpParticles, *, good: bool = True) -> None:
        """Do with a movie all that Warp does: XML, thumbnail, stack, tables."""
        self.write_xml(movie, particles, good=good)
        self.write_thumbnail(movie)
        self.write_stack(movie, particles)
        self.set_rows(movie, particles)
        self.write_tables()

    def _write_xml(self, path: Path, text: str) -> None:
        if self.choices.version == 1:
            path.write_bytes(
                b"\xff\xfe" + f'<?xml version="1.0" encoding="utf-16"?>\n{text}'.encode("utf-16-le")
            )
        else:
            path.write_bytes(b"\xef\xbb\xbf" + f'<?xml version="1.0" encoding="utf-8"?>\n{text}'.encode())


def _params(values: Mapping[str, object]) -> str:
    return "".join(f"  <Param Name={quoteattr(n)} Value={quoteattr(str(v))} />\n" for n, v in values.items())
