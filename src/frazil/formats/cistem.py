"""cisTEM's particle table, as refine2d reads and writes it: 22 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.formats.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Mapping
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
    count = len(values["PositionInStack"])
    with atomic_path(path) as part, part.open("w", encoding="ascii") as file:
        file.write("# Written by Frazil\n \ndata_\n \nloop_\n")
        for number, (name, _, _) in enumerate(COLUMNS, 1):
            file.write(f"_cisTEM{name} #{number}\n")
        pattern = " ".join(shown for _, shown, _ in COLUMNS) + "\n"
        for begin in range(0, count, _ROWS_AT_ONCE):
            rows = slice(begin, min(begin + _ROWS_AT_ONCE, count))
            size = rows.stop - rows.start
            columns = [
                np.asarray(values[name][rows]).tolist() if name in values else [fresh] * size
                for name, _, fresh in COLUMNS
            ]
            file.write("".join(pattern % row for row in zip(*columns, strict=True)))
