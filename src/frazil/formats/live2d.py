"""Live2D's folder: its state ``latest_run.json``, and the names of what lies beside it.

The state is handed on as it stands in the file, so that what Frazil does not know of it is kept.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from frazil.formats.atomic import atomic_path
from frazil.formats.file_bytes import FileBytes
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

RUN_NAME, BACKUP_NAME, LOG_NAME = "latest_run.json", "latest_run.json.bak", "logfile.txt"
STACK_NAME, TABLE_NAME = "combined_stack.mrcs", "combined_stack.star"
PICTURES_NAME = "class_images"
KINDS = ("random_seed", "startup", "refinement")
_LARGEST_BYTES = 1 << 26


@dataclass(frozen=True)
class Live2dCycle:
    """One cycle of a Live2D folder.

    Attributes
    ----------
    number
        From 0; it rises through the whole folder.
    kind, place
        One of `KINDS`, and place in its block, from 1.
    limit_a, fraction
        High-resolution limit in Å and share of the particles; None where the file does not say.
    finished
        Time as it stands there.
    particles, per_class
        How many there were; without a class, in class 1, class 2, ...
    settings
        As they were for this cycle.
    """

    number: int
    kind: str
    place: int
    limit_a: float | None
    fraction: float | None
    finished: str
    particles: int
    per_class: tuple[int, ...]
    settings: dict[str, Any]

    @property
    def name(self) -> str:
        """Of its files."""
        return cycle_name(self.number)


def cycle_name(number: int) -> str:
    """Name that the files of a cycle have in common."""
    return f"cycle_{number}"


def read_live2d_run(folder: Path) -> dict[str, Any] | None:
    """Read the state of a Live2D folder, from its backup where the file itself is damaged.

    Returns None where there is neither. Raises `InputError` where what is there can't be read,
    `PassingError` where the disk fails.
    """
    trouble: InputError | None = None
    for name in (RUN_NAME, BACKUP_NAME):
        path = folder / name
        if not path.exists():
            continue
        try:
            return _document(path)
        except InputError as error:
            trouble = trouble or error
    if trouble is not None:
        raise trouble
    return None


def write_live2d_run(folder: Path, document: dict[str, Any]) -> None:
    """Write the state; the one before stays as its backup if it can be read."""
    path = folder / RUN_NAME
    text = json.dumps(document, indent=1) + "\n"
    try:
        before = path.read_bytes()
        json.loads(before)
    except (OSError, ValueError):
        before = b""
    if before == text.encode():
        return
    if before:
        with atomic_path(folder / BACKUP_NAME) as part:
            part.write_bytes(before)
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")


def cycles_of(document: dict[str, Any]) -> list[Live2dCycle]:
    """Return the cycles that a state lists and that can be understood, by number."""
    listed = document.get("cycles")
    found = {}
    for each in listed if isinstance(listed, list) else []:
        cycle = _cycle(each) if isinstance(each, dict) else None
        if cycle is not None:
            found[cycle.number] = cycle
    return [found[number] for number in sorted(found)]


def _document(path: Path) -> dict[str, Any]:
    with FileBytes(path) as source:
        if source.size > _LARGEST_BYTES:
            raise InputError(f"{path}: {source.size} bytes are too many for Live2D's state")
        text = source.read(0, source.size)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: Live2D's state is damaged ({error})") from error
    if not isinstance(document, dict):
        raise InputError(f"{path}: holds no state of Live2D")
    return document


def _cycle(each: dict[str, Any]) -> Live2dCycle | None:
    number, particles = _whole(each.get("number")), _whole(each.get("particle_count"))
    counts = each.get("particle_count_per_class")
    settings = each.get("settings")
    if number is None or number < 0:
        return None
    per_class = tuple(max(0, _whole(count) or 0) for count in counts) if isinstance(counts, list) else ()
    kind = str(each.get("block_type", ""))
    return Live2dCycle(
        number=number,
        kind=kind if kind in KINDS else "refinement",
        place=_whole(each.get("cycle_number_in_block")) or 1,
        limit_a=_number(each.get("high_res_limit")),
        fraction=_number(each.get("fraction_used")),
        finished=str(each.get("time", "")),
        particles=sum(per_class) if particles is None else max(0, particles),
        per_class=per_class,
        settings=settings if isinstance(settings, dict) else {},
    )


def _number(value: Any) -> float | None:
    """Return a number that may stand there as one or as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else round(number)
