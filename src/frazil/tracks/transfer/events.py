"""What the state machine of transfer is told, and what it says is to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from frazil.tracks.transfer.files import FileForm
    from frazil.tracks.transfer.patterns import Kind


@dataclass(frozen=True, slots=True)
class Saw:
    """A look has found a file; ``movie``: of an extra file, the path of the movie it belongs to."""

    path: str
    kind: Kind
    form: FileForm
    movie: str = ""


@dataclass(frozen=True, slots=True)
class Vanished:
    """A look has not found a file any more, though its source is there."""

    path: str


@dataclass(frozen=True, slots=True)
class FirstLookDone:
    """What was not seen by now and is only known from the ledger is gone."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A file was delivered in this form."""

    path: str
    form: FileForm
    frames: int | None = None


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A file is not whole yet, by its format or by its number of frames."""

    path: str
    reason: str
    frames: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A file could not be delivered."""

    path: str
    reason: str
    passing: bool


@dataclass(frozen=True, slots=True)
class WrittenTo:
    """A file changed while it was delivered."""

    path: str


@dataclass(frozen=True, slots=True)
class GivenBack:
    """A delivery was broken off from outside: stopped, or nothing can be delivered at present."""

    path: str


@dataclass(frozen=True, slots=True)
class Lost:
    """What was delivered is no longer there; ``damaged``: it is there, but not what was delivered."""

    path: str
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Failed files are tried again: those named, or all, or all that failed for a passing reason."""

    paths: tuple[str, ...] = ()
    passing_only: bool = False


@dataclass(frozen=True, slots=True)
class Replace:
    """The user wants the new version of a file that changed after delivery."""

    path: str


@dataclass(frozen=True, slots=True)
class KeepOld:
    """The user wants the version that was delivered."""

    path: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; so many streams are free."""

    free: int


Event = (
    Saw
    | Vanished
    | FirstLookDone
    | Finished
    | Incomplete
    | Refused
    | WrittenTo
    | GivenBack
    | Lost
    | TryAgain
    | Replace
    | KeepOld
    | Tick
)


@dataclass(frozen=True, slots=True)
class Deliver:
    """Deliver this file; answer with one of the events."""

    path: str


@dataclass(frozen=True, slots=True)
class Note:
    """Store what is known of this file."""

    path: str


@dataclass(frozen=True, slots=True)
class RemoveSource:
    """The copy is known to the ledger: remove the source, if it still is what was copied."""

    path: str


Instruction = Deliver | Note | RemoveSource
