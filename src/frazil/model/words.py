"""Numbers of things in sentences for people."""

from __future__ import annotations


def plural(number: int, one: str, many: str = "") -> str:
    """Return "1 movie", "1,204 movies"; ``many`` where an s at the end does not make it."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
