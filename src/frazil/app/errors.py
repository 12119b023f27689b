"""How a use case refuses; the server turns each into its HTTP status, the command line into an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.model.errors import FrazilError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping


class NotFoundError(InputError):
    """What was asked for is not there, or not for this person to know of."""


class DeniedError(FrazilError):
    """Somebody may not do what they asked for."""


class UnknownPersonError(FrazilError):
    """Nobody is logged in, or name and password don't fit."""


class TooOftenError(FrazilError):
    """Tried too often; ``retry_after_s`` says when to try again."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ConflictError(FrazilError):
    """Somebody else was faster, or something stands in the way.

    Attributes
    ----------
    details
        What the person needs to decide; of settings: both versions.
    """

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.details = dict(details or {})
