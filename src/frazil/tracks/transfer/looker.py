"""Looks at the source in a thread of its own: a share that is gone can hold a look for minutes."""

from __future__ import annotations

import os
import threading
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from frazil.tracks.transfer.scan import Look

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from frazil.tracks.transfer.scan import SourceTree

_ANSWER_S = 5.0


@dataclass(frozen=True)
class Looked:
    """Message of a look: what it found in the source, and in the tree of side files."""

    looker: Looker
    source: Look
    metadata: Look = field(default_factory=Look)
    trace: str = ""


class Looker:
    """Goes round the trees, one look at a time; each posts a `Looked`.

    Parameters
    ----------
    source, metadata
        What is looked at.
    post
        Hands a message to the track.
    """

    def __init__(
        self, source: SourceTree, metadata: SourceTree | None, post: Callable[[Looked], None]
    ) -> None:
        self.source, self.metadata = source, metadata
        self._post = post
        self.busy = False

    def start(self, asked: Collection[str], asked_metadata: Collection[str]) -> None:
        """Begin a look that tells of these files in any case."""
        self.busy = True
        arguments = (list(asked), list(asked_metadata))
        threading.Thread(target=self._run, args=arguments, name="look", daemon=True).start()

    def _run(self, asked: list[str], asked_metadata: list[str]) -> None:
        try:
            source = self.source.look(asked)
            metadata = self.metadata.look(asked_metadata) if self.metadata is not None else Look()
        except Exception as error:
            # The thread must not end unheard: nobody would look again.
            missing = f"{self.source.base}: can't be looked at: {type(error).__name__}: {error}"
            self._post(Looked(self, Look(missing=missing), trace=traceback.format_exc()))
        else:
            self._post(Looked(self, source, metadata))


def unreachable(source: Path, folders: Collection[Path]) -> str:
    """Why the source can't be read or a destination can't be written to now; empty where all is well.

    What does not answer within five seconds counts as gone.
    """
    found: list[str] = []

    def probe() -> None:
        try:
            os.listdir(source)  # noqa: PTH208 - unlike pathlib, it says if the folder may not be read
        except OSError as error:
            found.append(f"{source}: can't be reached ({error.strerror}); is the share mounted?")
            return
        for folder in folders:
            test = folder / f".probe-{os.getpid()}.part"
            try:
                test.touch()
                test.unlink()
            except OSError as error:
                found.append(f"{folder}: can't be written to: {error.strerror}")
                return
        found.append("")

    thread = threading.Thread(target=probe, name="probe", daemon=True)
    thread.start()
    thread.join(_ANSWER_S)
    return found[0] if found else f"{source}: does not answer; is the share mounted?"
