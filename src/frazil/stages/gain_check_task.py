"""What a check of a gain reference compares; light, for the server makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class GainCheckTask:
    """What is compared.

    Attributes
    ----------
    folder
        Where the pictures go.
    movies
        The newest ones: what can't be read (it may still be written) is left out.
    invert
        As the setting ``gain_invert`` says.
    """

    folder: Path
    movies: tuple[Path, ...]
    gain: Path
    invert: Literal["auto", "on", "off"] = "auto"
    eer_upsampling: int = 1
