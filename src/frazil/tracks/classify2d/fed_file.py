"""What a run was given, movie by movie: lines added to a file in the run's folder, the last one holds.

A line that a crash tore or lost only means that a movie's particles are given once more, which changes
nothing.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from frazil.tracks.classify2d.pool import Fed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "particles.jsonl"


def read_fed(run: Path) -> dict[int, Fed]:
    """Read what a run was given; nothing where it was given nothing yet."""
    try:
        lines = (run / NAME).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    result: dict[int, Fed] = {}
    for line in lines:
        try:
            number, token, generation, count, *more = json.loads(line)
            lineage, ids = more or ("", None)
        except ValueError:
            continue
        result[int(number)] = Fed(
            None if token is None else str(token),
            int(generation),
            int(count),
            str(lineage),
            None if ids is None else tuple(ids),
        )
    return result


def add_fed(run: Path, fed: Mapping[int, Fed]) -> None:
    """Add lines."""
    if not fed:
        return
    lines = [
        json.dumps([number, item.token, item.generation, item.count, item.lineage, item.ids]) + "\n"
        for number, item in fed.items()
    ]
    run.mkdir(parents=True, exist_ok=True)
    with (run / NAME).open("a", encoding="utf-8") as file:
        # A line torn by a crash must not spoil the next one.
        file.write("\n" + "".join(lines) if file.tell() else "".join(lines))
        file.flush()
        os.fsync(file.fileno())
