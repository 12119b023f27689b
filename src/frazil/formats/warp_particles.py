"""Warp's particle tables ``allparticles_<Net>.star`` and ``goodparticles_<Net>.star``, movie by movie."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from frazil.formats.file_bytes import FileBytes
from frazil.formats.star import StarTable, read_star
from frazil.formats.warp_settings import is_file_word
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Literal

    from numpy.typing import NDArray

STACKS = "particles"
"""Folder of the stacks in a Warp folder."""
_PIECE = 1 << 22
_SEPARATORS = re.compile(r"[\\/]")


@dataclass(frozen=True)
class WarpBlock:
    """Particles of one movie, in the order of the table.

    Attributes
    ----------
    movie
        Name of the movie, as in ``<movie>.xml``.
    stack
        Image stack, relative to the Warp folder; never leads out of it.
    index
        Shape (n,), int64: place in the stack, from 0.
    x_px, y_px
        Shape (n,): centres, pixels of the average; NaN where the table does not say.
    defocus_u_a, defocus_v_a, astigmatism_angle_deg, phase_shift_deg
        Shape (n,): CTF at the particle, U the larger underfocus.
    pixel_size_a
        Of the images, Å; None where the table does not say.
    amplitude_contrast
        None where the table does not say.
    ctf_resolution_a
        To where the movie's CTF fits; None where the table does not say.
    """

    movie: str
    stack: str
    index: NDArray[np.int64]
    x_px: NDArray[np.float64]
    y_px: NDArray[np.float64]
    defocus_u_a: NDArray[np.float64]
    defocus_v_a: NDArray[np.float64]
    astigmatism_angle_deg: NDArray[np.float64]
    phase_shift_deg: NDArray[np.float64]
    pixel_size_a: float | None
    amplitude_contrast: float | None
    ctf_resolution_a: float | None

    def __len__(self) -> int:
        return int(self.index.size)

    @property
    def problem(self) -> str:
        """Why these rows can't be used whatever the stack holds; empty where they can."""
        if np.unique(self.index).size != self.index.size:
            return "the table lists an image twice"
        if not np.isfinite(self.defocus_u_a + self.defocus_v_a + self.astigmatism_angle_deg).all():
            return "the table holds a defocus that is no number"
        return ""

    def digest(self) -> str:
        """Name the content: equal digests, equal rows."""
        content = hashlib.sha256(f"{self.stack} {self.pixel_size_a} {self.amplitude_contrast}".encode())
        for column in (
            self.index,
            self.x_px,
            self.y_px,
            self.defocus_u_a,
            self.defocus_v_a,
            self.astigmatism_angle_deg,
            self.phase_shift_deg,
        ):
            content.update(column.tobytes())
        return content.hexdigest()[:16]


def find_particle_table(
    names: Sequence[str], networks: Sequence[str], which: Literal["all", "good"], strangers: frozenset[str]
) -> str | None:
    """Choose the particle table among a folder's file names; None where it is not there.

    Parameters
    ----------
    names
        Of all files of the folder.
    networks
        Names the network may have. Where no table is called so, the only other one is taken.
    strangers
        Tables of other networks: never taken for want of a better one.

    Raises `InputError` where several could be meant.
    """
    present = set(names)
    for network in networks:
        if (name := f"{which}particles_{network}.star") in present:
            return name
    pattern = re.compile(rf"{which}particles_(?!last\d+_).+\.star")
    others = sorted(name for name in names if pattern.fullmatch(name) and name not in strangers)
    if len(others) > 1:
        meant = networks[0] if networks else "no network"
        raise InputError(
            f"several particle tables ({', '.join(others[:5])}), and none of {meant}: "
            "choose the network in Warp"
        )
    return others[0] if others else None


def read_warp_particles(path: Path, networks: Sequence[str]) -> list[WarpBlock]:
    """Read a particle table: Warp's single table, or the two tables of RELION 3.1.

    Parameters
    ----------
    networks
        Names the network may have: stacks are called ``<movie>_<network>.mrcs``.

    Returns
    -------
        One block for each stack, in the order in which they first appear.

    Raises
    ------
    InputError
        It can't be read or lacks a column (also while it is being written).
    PassingError
        The disk fails.
    """
    return blocks_of_tables(path, read_star(path), networks)


def blocks_of_tables(path: Path, tables: Mapping[str, StarTable], networks: Sequence[str]) -> list[WarpBlock]:
    """Sort the rows of a particle table by stack; result and errors as of `read_warp_particles`."""
    table = next((each for each in tables.values() if "rlnImageName" in each), None)
    if table is None:
        if any(len(each) for each in tables.values()):
            raise InputError(f"{path}: no table with a column rlnImageName")
        return []
    if not len(table):
        return []
    optics = _Optics(table, tables.get("optics"))
    index, stacks, codes = _images(path, table)
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(stacks) + 1))
    u, v, angle = _sorted_axes(table)
    x, y = _or(table, "rlnCoordinateX", np.nan), _or(table, "rlnCoordinateY", np.nan)
    phase = _or(table, "rlnPhaseShift", 0.0)
    limits = _or(table, "rlnCtfMaxResolution", np.nan)
    micrographs = table.column("rlnMicrographName") if "rlnMicrographName" in table else None
    blocks = []
    for code, stack in enumerate(stacks):
        rows = order[bounds[code] : bounds[code + 1]]
        first = int(rows[0])
        micrograph = "" if micrographs is None else str(micrographs[first])
        pixel_a, contrast = optics(first)
        blocks.append(
            WarpBlock(
                _movie(stack, micrograph, networks),
                stack,
                index[rows],
                x[rows],
                y[rows],
                u[rows],
                v[rows],
                angle[rows],
                phase[rows],
                pixel_size_a=pixel_a,
                amplitude_contrast=contrast,
                ctf_resolution_a=_resolution_a(limits[rows]),
            )
        )
    return blocks


def count_warp_particles(path: Path) -> int:
    """Count the rows of a particle table without reading what they say; errors as of `FileBytes`."""
    with FileBytes(path) as source:
        places = range(0, source.size, _PIECE)
        return sum(source.read(at, min(_PIECE, source.size - at)).count(b"@") for at in places)


def _images(path: Path, table: StarTable) -> tuple[NDArray[np.int64], list[str], NDArray[np.int64]]:
    """Place in the stack, the stacks, and which of them, of every row."""
    names = table.texts("rlnImageName")
    index, codes = np.empty(len(names), np.int64), np.empty(len(names), np.int64)
    by_word: dict[str, int] = {}
    by_stack: dict[str, int] = {}
    for row, name in enumerate(names):
        number, at, word = name.partition("@")
        if not at or not number.isascii() or not number.isdigit() or int(number) < 1:
            raise InputError(f"{path}: image {name[:80]!r} should be NUMBER@STACK, counted from 1")
        index[row] = int(number) - 1
        if word not in by_word:
            by_word[word] = by_stack.setdefault(_inside(path, word), len(by_stack))
        codes[row] = by_word[word]
    return index, list(by_stack), codes


def _inside(path: Path, word: str) -> str:
    """Name of a stack below the Warp folder: a path that leads elsewhere is taken by its last part only."""
    parts = PurePosixPath(word.replace("\\", "/")).parts
    if not parts or not is_file_word(parts[-1]):
        raise InputError(f"{path}: {word[:80]!r} names no stack")
    if parts[0].startswith("/") or ":" in parts[0] or ".." in parts or not all(map(is_file_word, parts)):
        return f"{STACKS}/{parts[-1]}"
    return "/".join(parts)


def _movie(stack: str, micrograph: str, networks: Sequence[str]) -> str:
    stem = PurePosixPath(stack).stem
    for network in networks:
        if stem.endswith(f"_{network}") and len(stem) > len(network) + 1:
            return stem.removesuffix(f"_{network}")
    last = _SEPARATORS.split(micrograph)[-1]
    return last.rpartition(".")[0] or last or stem


def _sorted_axes(table: StarTable) -> tuple[NDArray[np.float64], ...]:
    """Defocus U ≥ V and the angle of U."""
    u = table.numbers("rlnDefocusU")
    v = table.numbers("rlnDefocusV") if "rlnDefocusV" in table else u
    angle = _or(table, "rlnDefocusAngle", 0.0)
    turned = v > u
    return np.maximum(u, v), np.minimum(u, v), np.where(turned, angle + 90.0, angle)


def _or(table: StarTable, name: str, default: float) -> NDArray[np.float64]:
    return table.numbers(name) if name in table else np.full(len(table), default)


def _resolution_a(limits: NDArray[np.float64]) -> float | None:
    known = limits[(limits > 0.0) & (limits < 900.0)]
    return float(known[0]) if known.size else None


class _Optics:
    """Pixel size and amplitude contrast of a row, from the row or from its optics group."""

    def __init__(self, table: StarTable, optics: StarTable | None) -> None:
        self._table, self._optics = table, optics
        self._row_of: dict[int, int] = {}
        self._groups: NDArray[np.int64] | None = None
        if optics is not None and "rlnOpticsGroup" in optics and "rlnOpticsGroup" in table:
            self._row_of = {int(group): row for row, group in enumerate(optics.integers("rlnOpticsGroup"))}
            self._groups = table.integers("rlnOpticsGroup")
        self._columns: dict[str, NDArray[np.float64]] = {}

    def __call__(self, row: int) -> tuple[float | None, float | None]:
        pixel_a = self._value("rlnImagePixelSize", row) or self._value("rlnPixelSize", row)
        detector_um, magnification = (
            self._value(name, row) for name in ("rlnDetectorPixelSize", "rlnMagnification")
        )
        if pixel_a is None and detector_um and magnification:
            pixel_a = detector_um * 1e4 / magnification
        return pixel_a, self._value("rlnAmplitudeContrast", row)

    def _value(self, name: str, row: int) -> float | None:
        if name in self._table:
            if name not in self._columns:
                self._columns[name] = self._table.numbers(name)
            value = float(self._columns[name][row])
        elif self._optics is not None and name in self._optics and self._groups is not None:
            if (place := self._row_of.get(int(self._groups[row]))) is None:
                return None
            value = float(self._optics.numbers(name)[place])
        else:
            return None
        return value if np.isfinite(value) and value > 0 else None
