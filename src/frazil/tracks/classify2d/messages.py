"""What a person can ask of 2D classification while it runs, besides the controls of all tracks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StartJobNow:
    """Begin a scheduled job at once."""


@dataclass(frozen=True)
class StartAutomatic:
    """Begin jobs whenever there are enough new particles."""


@dataclass(frozen=True)
class Keep:
    """Write an entry of the history of a stream now."""


@dataclass(frozen=True)
class FinalPass:
    """When the stream is stopped next, visit every particle once more before."""
