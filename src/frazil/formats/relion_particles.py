"""RELION's particle tables: written for what we extracted, read from anybody."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.formats.mrc import MrcStack
from frazil.formats.relion_optics import optics_table
from frazil.formats.star import StarTable, read_star, write_star
from frazil.model.classes import ParticleCtf
from frazil.model.errors import InputError
from frazil.model.optics import Optics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


_SANE = {
    "pixel size": (0.05, 50.0, " Å"),
    "voltage": (10.0, 3000.0, " kV"),
    "Cs": (0.0, 100.0, " mm"),
    "amplitude contrast": (0.0, 1.0, ""),
}
_LARGEST_DEFOCUS_A, _LARGEST_ANGLE_DEG = 1e6, 1e5


def write_particles(
    path: Path,
    columns: Mapping[str, Any],
    optics: Optics,
    *,
    movie_pixel_size_a: float,
    image_pixel_size_a: float,
    image_size_px: int,
) -> None:
    """Write ``particles.star`` with one optics group; ``columns`` are RELION's, without the group."""
    particles = {**columns, "rlnOpticsGroup": np.ones(len(columns["rlnImageName"]), np.int64)}
    table = optics_table(
        optics,
        movie_pixel_size_a=movie_pixel_size_a,
        image_pixel_size_a=image_pixel_size_a,
        image_size_px=image_size_px,
    )
    write_star(path, {"optics": table, "particles": particles})


@dataclass(frozen=True)
class RelionParticles:
    """A particle table of any version of RELION.

    Attributes
    ----------
    path
        The STAR file.
    table, optics_table
        As read; the latter None in files of RELION 3.0.
    stacks
        Shape (P,): the image stack of each particle.
    index
        Shape (P,): its place there, from 0.
    ctf
        CTF of each particle.
    pixel_size_a, size_px
        Of all images.
    """

    path: Path
    table: StarTable
    optics_table: StarTable | None
    stacks: tuple[Path, ...]
    index: NDArray[np.int64]
    ctf: ParticleCtf
    pixel_size_a: float
    size_px: int

    def __len__(self) -> int:
        return self.index.size

    def read_images(self) -> NDArray[np.float32]:
        """All images: shape (P, n, n), float32."""
        images = np.empty((len(self), self.size_px, self.size_px), np.float32)
        places: dict[Path, list[int]] = {}
        for place, stack in enumerate(self.stacks):
            places.setdefault(stack, []).append(place)
        for stack, rows in places.items():
            with MrcStack(stack) as file:
                if file.shape[1:] != (self.size_px, self.size_px):
                    raise InputError(
                        f"{stack}: images of {file.shape[2]} x {file.shape[1]} pixels, "
                        f"others of {self.path} have {self.size_px} x {self.size_px}"
                    )
                for row in rows:
                    images[row] = file.read_section(int(self.index[row]))
        bad = ~np.isfinite(images.sum(axis=(1, 2)))
        if bad.any():
            first = int(np.flatnonzero(bad)[0])
            raise InputError(
                f"{self.stacks[first]}: image {self.index[first] + 1} and {int(bad.sum()) - 1} others "
                "hold NaN or infinity"
            )
        return images


def read_particles(path: Path) -> RelionParticles:
    """Read a particle STAR file: RELION 3.1 and later (optics groups) or 3.0 (one table).

    Stacks are looked for relative to the file's own folder and to those above it, one of which is the
    project.

    Raises
    ------
    InputError
        No particles, missing columns or stacks, images beyond a stack's end, several pixel sizes, boxes or
        optics in one file.
    """
    path = Path(path)
    tables = read_star(path)
    optics = tables.get("optics")
    table = tables.get("particles") or tables.get("images") or tables.get("")
    if table is None or "rlnImageName" not in table:
        with_images = [t for t in tables.values() if "rlnImageName" in t]
        if not with_images:
            raise InputError(f"{path}: no table with rlnImageName; is it a particle file?")
        table = with_images[0]
    if not len(table):
        raise InputError(f"{path}: holds no particles")
    stacks, index = _images(path, table)
    pixel_size_a, microscope = _optics(path, table, optics)
    size = _image_size(path, stacks, index)
    ctf = _ctf(table, microscope)
    for values, largest in (
        (ctf.defocus_u_a, _LARGEST_DEFOCUS_A),
        (ctf.defocus_v_a, _LARGEST_DEFOCUS_A),
        (ctf.astigmatism_angle_deg, _LARGEST_ANGLE_DEG),
        (ctf.phase_shift_deg, _LARGEST_ANGLE_DEG),
    ):
        if bad := np.flatnonzero(~(np.abs(values) <= largest)).tolist():
            raise InputError(f"{path}: row {bad[0] + 1}: a CTF value of {values[bad[0]]:g} makes no sense")
    return RelionParticles(path, table, optics, stacks, index, ctf, pixel_size_a, size)


def _images(path: Path, table: StarTable) -> tuple[tuple[Path, ...], NDArray[np.int64]]:
    found: dict[str, Path] = {}
    stacks, index = [], []
    for row, name in enumerate(table.texts("rlnImageName")):
        number, _, stack = name.rpartition("@")
        if number and not 1 <= (int(number) if number.isascii() and number.isdigit() else 0) < 1 << 31:
            raise InputError(f"{path}: row {row + 1}: {name!r} is no image of a stack; they count from 1")
        if stack not in found:
            found[stack] = _find(path, stack)
        stacks.append(found[stack])
        index.append(int(number or 1) - 1)
    return tuple(stacks), np.array(index, np.int64)


def _find(path: Path, name: str) -> Path:
    folder = path.resolve().parent
    for place in (*(base / name for base in (folder, *folder.parents)), folder / Path(name).name):
        try:
            if place.is_file():
                return place
        except OSError as error:
            raise InputError(f"{path}: the stack {name[:80]}: {error.strerror}") from error
    raise InputError(f"{path}: the stack {name} is neither below {folder} nor below a folder above it")


def _image_size(path: Path, stacks: tuple[Path, ...], index: NDArray[np.int64]) -> int:
    sizes: dict[tuple[int, int], Path] = {}
    last: dict[Path, int] = {}
    for stack, place in zip(stacks, index.tolist(), strict=True):
        last[stack] = max(last.get(stack, 0), place)
    for stack, place in last.items():
        with MrcStack(stack) as file:
            sections, rows, columns = file.shape
        if not 0 <= place < sections:
            raise InputError(f"{path}: names image {place + 1} of {stack}, which has {sections}")
        sizes[(rows, columns)] = stack
    if len(sizes) > 1:
        found = ", ".join(f"{c} x {r} ({s})" for (r, c), s in sizes.items())
        raise InputError(f"{path}: images of several sizes: {found}; bring them to one box first")
    rows, columns = next(iter(sizes))
    if rows != columns:
        raise InputError(f"{path}: images of {columns} x {rows} pixels; only square ones are classified")
    return rows


def _optics(path: Path, table: StarTable, optics: StarTable | None) -> tuple[float, Optics]:
    if optics is None:
        pixel = _one(path, "pixel size", _old_pixel_size(path, table))
        source, used = table, np.arange(len(table))
    else:
        source = optics
        groups = table.integers("rlnOpticsGroup") if "rlnOpticsGroup" in table else np.ones(len(table), int)
        known = optics.integers("rlnOpticsGroup").tolist()
        missing = sorted(set(groups.tolist()) - set(known))
        if missing:
            raise InputError(
                f"{path}: particles of optics group {missing[0]}, which data_optics doesn't have"
            )
        used = np.array([known.index(group) for group in sorted(set(groups.tolist()))])
        if (
            "rlnCtfDataAreCtfPremultiplied" in optics
            and optics.numbers("rlnCtfDataAreCtfPremultiplied").any()
        ):
            raise InputError(f"{path}: its images are multiplied by their CTF; that is not supported")
        column = "rlnImagePixelSize" if "rlnImagePixelSize" in optics else "rlnMicrographOriginalPixelSize"
        pixel = _one(path, "pixel size", optics.numbers(column)[used])
    return pixel, Optics(
        voltage_kv=_one(path, "voltage", source.numbers("rlnVoltage")[used]),
        cs_mm=_one(path, "Cs", source.numbers("rlnSphericalAberration")[used]),
        amplitude_contrast=_one(path, "amplitude contrast", source.numbers("rlnAmplitudeContrast")[used]),
    )


def _old_pixel_size(path: Path, table: StarTable) -> NDArray[np.float64]:
    if "rlnDetectorPixelSize" in table and "rlnMagnification" in table:
        with np.errstate(divide="ignore", invalid="ignore"):
            pixel: NDArray[np.float64] = (
                table.numbers("rlnDetectorPixelSize") * 1e4 / table.numbers("rlnMagnification")
            )
        return pixel
    if "rlnPixelSize" in table:
        return table.numbers("rlnPixelSize")
    raise InputError(f"{path}: no data_optics, and no rlnDetectorPixelSize with rlnMagnification either")


def _one(path: Path, what: str, values: NDArray[np.float64]) -> float:
    least, most, unit = _SANE[what]
    if bad := np.flatnonzero(~((values >= least) & (values <= most))).tolist():
        raise InputError(
            f"{path}: the {what} can't be {values[bad[0]]:g}{unit}, only {least:g} to {most:g}; "
            "correct it in the table"
        )
    if np.ptp(values) > 1e-3 * abs(values[0]):
        raise InputError(
            f"{path}: its optics groups differ in {what} ({values.min():g} to {values.max():g}); "
            "classify them apart, or bring them to one first"
        )
    return float(values[0])


def _ctf(table: StarTable, optics: Optics) -> ParticleCtf:
    defocus_u = table.numbers("rlnDefocusU")
    phase = table.numbers("rlnPhaseShift") if "rlnPhaseShift" in table else np.zeros(len(table))
    return ParticleCtf(
        optics=optics,
        defocus_u_a=defocus_u,
        defocus_v_a=table.numbers("rlnDefocusV") if "rlnDefocusV" in table else defocus_u,
        astigmatism_angle_deg=(
            table.numbers("rlnDefocusAngle") if "rlnDefocusAngle" in table else np.zeros(len(table))
        ),
        phase_shift_deg=phase,
    )
