"""Particle images of a stored run, read from their stacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from frazil.formats.mrc import MrcStack
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.stages.classify_stream_state import StateFolder


class StackImages:
    """Gives images of ``box_px`` pixels by row of the bank, or by stack and place.

    Raises
    ------
    InputError
        Stacks that are unreadable, too short, or of another box.
    """

    def __init__(self, folder: StateFolder, box_px: int) -> None:
        self._folder, self._box_px = folder, box_px

    def __call__(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Read images by row."""
        columns = self._folder.bank.columns
        return self.read(columns["stack"][rows].astype(np.int64), columns["place"][rows].astype(np.int64))

    def read(self, stack: NDArray[np.int64], place: NDArray[np.int64]) -> NDArray[np.float32]:
        """Read images by number of the stack and place in it."""
        box = self._box_px
        images = np.empty((len(stack), box, box), dtype=np.float32)
        for number in np.unique(stack):
            path = Path(self._folder.stacks[int(number)][0])
            chosen = np.flatnonzero(stack == number)
            with MrcStack(path) as opened:
                sections, rows, columns = opened.shape
                if (rows, columns) != (box, box):
                    raise InputError(
                        f"{path}: images of {columns} x {rows} pixels, but those of the run have {box}; "
                        "start a new run"
                    )
                if int(place[chosen].max()) >= sections:
                    raise InputError(
                        f"{path}: holds {sections} images, image {int(place[chosen].max()) + 1} is wanted"
                    )
                for at in chosen:
                    images[at] = opened.read_section(int(place[at]))
        return images
