"""cisTEM's particle table, as refine2d reads and writes it: 22 columns."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.formats.atomic import atomic_path
from frazil.formats.star import read_star
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_ROWS_AT_ONCE = 1 << 15
COLUMNS = (
    ("PositionInStack", "%8d", 0.0),
    ("AnglePsi", "%7.2f", 0.0),
    ("XShift", "%9.2f", 0.0),
    ("YShift", "%9.2f", 0.0),
    ("Defocus1", "%8.1f", 0.0),
    ("Defocus2", "%8.1f", 0.0),
    ("DefocusAngle", "%7.2f", 0.0),
    ("PhaseShift", "%7.4f", 0.0),
    ("Occupancy", "%7.2f", 100.0),
    ("LogP", "%9d", -500.0),
    ("Sigma", "%10.4f", 1.0),
    ("Score", "%7.2f", 20.0),
    ("ScoreChange", "%7.2f", 0.0),
    ("PixelSize", "%8.5f", 0.0),
    ("MicroscopeVoltagekV", "%7.2f", 0.0),
    ("MicroscopeCsMM", "%7.3f", 0.0),
    ("AmplitudeContrast", "%7.4f", 0.0),
    ("BeamTiltX", "%7.3f", 0.0),
    ("BeamTiltY", "%7.3f", 0.0),
    ("ImageShiftX", "%7.3f", 0.0),
    ("ImageShiftY", "%7.3f", 0.0),
    ("Best2DClass", "%5d", 0.0),
)
"""Name, how refine2d prints it, and the value of a fresh particle.

Å, degrees, phase shift in radians, kV, mm, occupancy in %.
"""


def write_cistem_star(path: Path, values: Mapping[str, NDArray[Any]]) -> None:
    """Write the table, whole or not at all.

    ``values``: shape (P,) each, by the names of `COLUMNS`; PositionInStack is needed, of the others a fresh
    particle's value stands for what is missing.
    """
    with atomic_path(path) as part, part.open("w", encoding="ascii") as file:
        file.write("# Written by Frazil\n \ndata_\n \nloop_\n")
        for number, (name, _, _) in enumerate(COLUMNS, 1):
            file.write(f"_cisTEM{name} #{number}\n")
        file.writelines(_lines(values))


def append_cistem_rows(path: Path, before: Path, values: Mapping[str, NDArray[Any]]) -> None:
    """Write the table ``before`` with more rows as ``path``, whole or not at all; ``values`` as above."""
    with atomic_path(path) as part, part.open("wb") as file:
        with before.open("rb") as source:
            shutil.copyfileobj(source, file)
        for lines in _lines(values):
            file.write(lines.encode("ascii"))


def read_cistem_star(path: Path) -> dict[str, NDArray[Any]]:
    """Read a particle table: shape (P,) each, by the names of `COLUMNS`, a fresh particle's where missing.

    Raises `InputError` where it can't be read or holds no table of cisTEM's, `PassingError` where the disk
    fails.
    """
    for table in read_star(path).values():
        if any(name.startswith("cisTEM") for name in table.columns):
            size = len(table)
            return {
                name: table.numbers(f"cisTEM{name}") if f"cisTEM{name}" in table else np.full(size, fresh)
                for name, _, fresh in COLUMNS
            }
    raise InputError(f"{path}: holds no particle table of cisTEM's")


def _lines(values: Mapping[str, NDArray[Any]]) -> Iterator[str]:
    """Rows as text, many at a time."""
    count = len(values["PositionInStack"])
    pattern = " ".join(shown for _, shown, _ in COLUMNS) + "\n"
    for begin in range(0, count, _ROWS_AT_ONCE):
        rows = slice(begin, min(begin + _ROWS_AT_ONCE, count))
        size = rows.stop - rows.start
        columns = [
            np.asarray(values[name][rows]).tolist() if name in values else [fresh] * size
            for name, _, fresh in COLUMNS
        ]
        yield "".join(pattern % row for row in zip(*columns, strict=True))
