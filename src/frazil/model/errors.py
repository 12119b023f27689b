"""Errors a person can act on."""

from __future__ import annotations


class FrazilError(Exception):
    """Something a person can mend: the message says what is wrong, where, and what to do."""


class InputError(FrazilError):
    """A file or a value that was handed in can't be used. Lasting: trying again changes nothing."""


class PassingError(FrazilError):
    """A condition outside the data (no space, a worker lost) that may be gone at the next try."""
