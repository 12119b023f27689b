"""The combined stack: images of all particles of Warp's table, in its order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from frazil.formats.cistem import write_cistem_star
from frazil.formats.live2d import STACK_NAME, TABLE_NAME
from frazil.formats.mrc import MrcStack, MrcStackWriter
from frazil.formats.mrc_append import append_to_stack
from frazil.formats.warp_particles import read_warp_particles
from frazil.model.errors import InputError
from frazil.stages.live2d.own import Piece

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from frazil.formats.warp_particles import WarpBlock
    from frazil.stages.live2d.own import OwnState
    from frazil.stages.live2d.task import Live2dTask

_AT_ONCE = 256
_SAMPLES = 16


@dataclass(frozen=True)
class Part:
    """One of Warp's stacks: what its table says, and what stands for it in the combined stack."""

    block: WarpBlock
    piece: Piece


def parts_of(task: Live2dTask) -> list[Part]:
    """Read Warp's table; stacks at its end that do not fit it (yet) are left for the next time."""
    parts = [_part(task, block) for block in read_warp_particles(task.table, task.networks)]
    while parts and parts[-1].piece.blank:
        parts.pop()
    return parts


def _part(task: Live2dTask, block: WarpBlock) -> Part:
    path, rows = task.warp / block.stack, len(block)
    try:
        status = path.stat()
        with MrcStack(path) as stack:
            fits = stack.shape == (rows, task.box_px, task.box_px) and not block.problem
    except (InputError, OSError):
        return Part(block, Piece(stack=block.stack, rows=rows, content=block.digest(), blank=True))
    content = f"{block.digest()}:{status.st_size}-{status.st_mtime_ns}"
    return Part(block, Piece(stack=block.stack, rows=rows, content=content, blank=not fits))


def rows_that_stay(task: Live2dTask, own: OwnState | None, parts: Sequence[Part]) -> int:
    """Return how many images at the start of the combined stack are those of the table."""
    path = task.folder / STACK_NAME
    try:
        with MrcStack(path) as stack:
            there, box_px = len(stack), stack.shape[2]
    except (InputError, FileNotFoundError):
        return 0
    if box_px != task.box_px:
        return 0
    if own is None or not own.pieces:
        return there if _is_of(path, there, task.warp, parts) else 0
    same = 0
    for had, part in zip(own.pieces, parts, strict=False):
        if had != part.piece:
            break
        same += had.rows
    return min(same, there)


def write_stack(task: Live2dTask, parts: Sequence[Part], stay: int, had: int) -> bool:
    """Let stack and table hold ``parts``, whose first ``stay`` rows are there already; ``had`` were there.

    Returns whether the stack was made anew, which it is where rows in its middle are others now.
    """
    path, rows = task.folder / STACK_NAME, sum(part.piece.rows for part in parts)
    anew = stay < had or stay == 0 or not path.exists()
    if anew:
        with MrcStackWriter(path, task.pixel_size_a, depth="float32") as writer:
            for images in _images(task, parts, 0):
                writer.append(images)
    elif rows > stay:
        append_to_stack(path, stay, _images(task, parts, stay))
    if anew or rows > stay or not (task.folder / TABLE_NAME).exists():
        write_cistem_star(task.folder / TABLE_NAME, fresh_rows(task, parts))
    return anew


def fresh_rows(task: Live2dTask, parts: Sequence[Part], first: int = 0) -> dict[str, NDArray[Any]]:
    """Rows of cisTEM's table for particles that were never classified, from row ``first`` on."""
    blocks = [part.block for part in parts]
    rows = sum(len(block) for block in blocks)

    def column(name: str) -> NDArray[np.float64]:
        return np.concatenate([getattr(block, name) for block in blocks])[first:]

    counts = [len(block) for block in blocks]
    own = [block.amplitude_contrast for block in blocks]
    contrast = np.repeat([task.amplitude_contrast if value is None else value for value in own], counts)
    size = rows - first
    return {
        "PositionInStack": np.arange(first + 1, rows + 1),
        "Defocus1": column("defocus_u_a"),
        "Defocus2": column("defocus_v_a"),
        "DefocusAngle": column("astigmatism_angle_deg"),
        "PhaseShift": np.radians(column("phase_shift_deg")),
        "PixelSize": np.full(size, task.pixel_size_a),
        "MicroscopeVoltagekV": np.full(size, task.voltage_kv),
        "MicroscopeCsMM": np.full(size, task.cs_mm),
        "AmplitudeContrast": contrast[first:],
    }


def _images(task: Live2dTask, parts: Sequence[Part], first: int) -> Iterator[NDArray[np.float32]]:
    """Images of the combined stack from row ``first`` on, a few hundred at a time."""
    begin = 0
    for part in parts:
        skip, begin = max(0, first - begin), begin + part.piece.rows
        if skip >= part.piece.rows:
            continue
        order = part.block.index[skip:]
        if part.piece.blank:
            for some in _runs(len(order)):
                yield np.zeros((some.stop - some.start, task.box_px, task.box_px), np.float32)
            continue
        with MrcStack(task.warp / part.block.stack) as stack:
            for some in _runs(len(order)):
                yield np.asarray(stack[order[some]], dtype=np.float32)


def _runs(count: int) -> Iterator[slice]:
    for begin, end in pairwise([*range(0, count, _AT_ONCE), count]):
        yield slice(begin, end)


def _is_of(path: Path, there: int, warp: Path, parts: Sequence[Part]) -> bool:
    """Whether a stack that somebody else combined holds the first particles of the table: by samples."""
    starts = np.cumsum([0, *(part.piece.rows for part in parts)])
    if there not in starts:
        return False
    with MrcStack(path) as combined:
        for row in np.unique(np.linspace(0, there - 1, _SAMPLES).astype(np.int64)).tolist():
            place = int(np.searchsorted(starts, row, side="right")) - 1
            part = parts[place]
            if part.piece.blank:
                return False
            with MrcStack(warp / part.block.stack) as stack:
                image = stack[int(part.block.index[row - starts[place]])]
            if not np.array_equal(combined[row], np.asarray(image, dtype=combined.dtype)):
                return False
    return True
