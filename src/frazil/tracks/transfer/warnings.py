"""What a person should know, said once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from frazil.model.metadata import MovieMetadata
    from frazil.model.settings import Settings
    from frazil.store.log import TrackLog

_LARGEST_DIFFERENCE = 0.01
_MOST = 1000


class Warnings:
    """Logs every message once, and again only after it was not true any more."""

    def __init__(self, log: TrackLog) -> None:
        self._log = log
        self._said: set[str] = set()
        self._troubles: dict[str, str] = {}

    def say(self, message: str, **fields: str) -> None:
        """Log a warning, unless it was said before."""
        if message not in self._said and len(self._said) < _MOST:
            self._said.add(message)
            self._log.warning(message, **fields)

    def troubles(self, troubles: dict[str, str]) -> None:
        """Log folders and files that can't be looked at now; those that could not before are not news."""
        for path, reason in troubles.items():
            if self._troubles.get(path) != reason:
                self._log.warning(f"can't be looked at: {reason}", file=path)
        self._troubles = dict(list(troubles.items())[:_MOST])

    def compare(self, told: MovieMetadata, settings: Settings) -> None:
        """Warn where the microscope says something else than the settings: one odd file changes nothing."""
        for message in differences(told, settings):
            self.say(message)


def differences(told: MovieMetadata, settings: Settings) -> Iterator[str]:
    """Tell where pixel size or voltage differ by more than one per cent."""
    pairs = (
        ("pixel_size_a", told.pixel_size_a, settings.microscope.pixel_size_a, "Å"),
        ("voltage_kv", told.voltage_kv, settings.microscope.voltage_kv, "kV"),
    )
    for name, theirs, ours, unit in pairs:
        if theirs and ours and abs(theirs / ours - 1.0) > _LARGEST_DIFFERENCE:
            yield f"{name} is {theirs:.4g} {unit} by {told.source}, {ours:.4g} {unit} in the settings"
