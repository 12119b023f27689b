"""The last step of a move: sources are removed, once the ledger knows of the copies."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from frazil.model.errors import FrazilError
from frazil.stages.deliver import Delivered, Order, remove_source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Removed:
    """Message: what became of the sources."""

    troubles: tuple[str, ...] = ()


class Removals:
    """Removes sources in a thread, since a share may not answer.

    Parameters
    ----------
    post
        Hands a `Removed` to the track.
    """

    def __init__(self, post: Callable[[Removed], None]) -> None:
        self._post = post

    def start(self, moved: Sequence[tuple[Order, Delivered]]) -> None:
        """Begin to remove these sources."""
        if moved:
            threading.Thread(target=self._run, args=(list(moved),), name="remove", daemon=True).start()

    def _run(self, moved: list[tuple[Order, Delivered]]) -> None:
        troubles = []
        for order, delivered in moved:
            try:
                remove_source(order, delivered)
            except FrazilError as error:
                troubles.append(f"the source was copied but can't be removed: {error}")
        self._post(Removed(tuple(troubles)))
