"""When a stack of Warp's may be used: complete, as long as its table says, and the same in two looks."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from frazil.formats.mrc import MrcStack
from frazil.model.errors import InputError
from frazil.model.words import plural

if TYPE_CHECKING:
    from pathlib import Path

GIVE_UP_S = 120.0
"""A stack that does not change and does not fit its table for so long is set aside."""


def signature(path: Path) -> str:
    """Size and time of a file; empty where it is not there. Raises `OSError` for other trouble."""
    try:
        status = os.stat(path)  # noqa: PTH116 - thousands of files a look
    except (FileNotFoundError, NotADirectoryError):
        return ""
    return f"{status.st_size}-{status.st_mtime_ns}"


@dataclass(frozen=True)
class Verdict:
    """Whether a stack may be used: size of its images if so, else why not."""

    state: Literal["ready", "waits", "failed"]
    reason: str = ""
    box_px: int = 0


@dataclass(frozen=True)
class _Seen:
    form: tuple[str, str]
    since: float
    look: int


class Stacks:
    """Remembers how stacks looked before."""

    def __init__(self) -> None:
        self._seen: dict[Path, _Seen] = {}
        self.look = 0

    def judge(
        self, stack: Path, found: str, digest: str, rows: int, now: float, problem: str = ""
    ) -> Verdict:
        """Judge a stack.

        Parameters
        ----------
        stack, found
            The file, and its `signature` now.
        digest, rows
            What the table says about it now.
        now
            Seconds of a clock that never goes back.
        problem
            Why what the table says can't be used, whatever the stack holds.
        """
        form = (found, digest)
        seen = self._seen.get(stack)
        if seen is None or seen.form != form:
            self._seen[stack] = _Seen(form, now, self.look)
            return Verdict("waits", "seen just now")
        if seen.look == self.look:
            return Verdict("waits", "seen just now")
        if problem:
            verdict = Verdict("waits", f"{stack}: {problem}")
        else:
            verdict = fits(stack, rows) if found else Verdict("waits", f"{stack}: is not there")
        if verdict.state == "ready" and signature(stack) == found:
            del self._seen[stack]
            return verdict
        if now - seen.since < GIVE_UP_S:
            return replace(verdict, state="waits")
        waited = f"{verdict.reason} (waited {GIVE_UP_S:g} s); let Warp process the movie again"
        return Verdict("failed", waited)


def fits(stack: Path, rows: int) -> Verdict:
    """Compare a stack with the number of rows that its table has: ready, or waits with the reason."""
    try:
        with MrcStack(stack) as opened:
            images, height, width = opened.shape
    except InputError as error:
        return Verdict("waits", str(error))
    if images != rows:
        return Verdict("waits", f"{stack}: holds {plural(images, 'image')}, Warp's table lists {rows}")
    if height != width or height < 8:
        return Verdict("waits", f"{stack}: images of {width} x {height} pixels are no particles")
    return Verdict("ready", box_px=height)
