"""What a worker needs to know to bring a Live2D folder up to date. Light: tracks import it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Live2dEntry:
    """One entry of the class history that is to be a cycle.

    Attributes
    ----------
    number, folder
        Of the entry: its number in the session, and where it lies (absolute).
    kind, limit_a, fraction
        As in `frazil.formats.live2d.Live2dCycle`.
    finished_at
        Seconds since 1970.
    settings
        As Live2D has them; the number of classes is added by who counts the averages.
    """

    number: int
    folder: Path
    kind: str
    limit_a: float | None
    fraction: float
    finished_at: float
    settings: dict[str, Any]


@dataclass(frozen=True)
class Live2dTask:
    """Bring a folder up to date.

    Attributes
    ----------
    session, session_id
        Session folder, and the session's id.
    warp, folder
        Warp's folder, and that of Live2D's files.
    table, networks
        Warp's particle table, and names the network may have.
    box_px, pixel_size_a
        Of the particles of the stack; images of another box are left blank.
    voltage_kv, cs_mm, amplitude_contrast
        Where the table does not say.
    entries
        Those that may be missing, oldest first.
    """

    session: Path
    session_id: str
    warp: Path
    folder: Path
    table: Path
    networks: tuple[str, ...]
    box_px: int
    pixel_size_a: float
    voltage_kv: float
    cs_mm: float
    amplitude_contrast: float
    entries: tuple[Live2dEntry, ...]


@dataclass(frozen=True)
class Live2dResult:
    """What came of it.

    Attributes
    ----------
    cycles
        Names of the cycles that were written.
    rows
        Images of the combined stack.
    rebuilt, moved
        Whether the stack had to be made anew, and how many cycles went to ``history`` because of that.
    seconds
        How long it took.
    """

    cycles: tuple[str, ...]
    rows: int
    rebuilt: bool
    moved: int
    seconds: float


@dataclass(frozen=True)
class HistoryTask:
    """Take over the cycles that Live2D left in a folder.

    Attributes
    ----------
    session, folder
        Session folder, and that of Live2D's files.
    table, networks
        Warp's particle table, None where there is none; names the network may have.
    names, numbers
        Of the session's movies, by Warp's name for them.
    run, first_number, revision
        Run and number of the first entry, and the settings revision that they are noted with.
    pixel_size_a
        Of the averages.
    """

    session: Path
    folder: Path
    table: Path | None
    networks: tuple[str, ...]
    names: dict[str, str]
    numbers: dict[str, int]
    run: int
    first_number: int
    revision: int
    pixel_size_a: float
