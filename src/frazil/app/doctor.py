"""``frazil doctor``: the machine, and a known-answer test of every stage with the virtual microscope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    text: str

    def line(self) -> str:
        """One line for a person."""
        return f"{'ok  ' if self.ok else 'BAD '} {self.what:<12} {self.text}"


def examine(folder: Path, device: str) -> Iterator[Finding]:
    """Look at the machine; then let every stage find a known answer."""
    from frazil.app.doctor_machine import examine_machine

    usable = device
    for finding in examine_machine(folder, device):
        yield finding
        if finding.what == "device":
            usable = "cuda" if finding.ok and finding.text.startswith("cuda") else "cpu"
    from frazil.app.doctor_answers import check_answers

    yield from check_answers(usable)
