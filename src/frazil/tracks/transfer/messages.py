"""What may be posted to the transfer track from outside. Paths are those of the catalogue's rows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RetryFiles:
    """Failed files are tried again at once; none named: all of them."""

    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReplaceFile:
    """The source changed after delivery, and the user wants the new version: it is delivered and redone."""

    path: str


@dataclass(frozen=True)
class KeepFile:
    """The source changed after delivery, and the user keeps what was delivered."""

    path: str
