"""What a person changed about the particles found on one micrograph; it survives picking again."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MOST_POINTS = 20_000
_LARGEST_A = 1e6
SAME_PARTICLE_DIAMETERS = 0.2
"""Two centres as near as this, in diameters, are the same particle; picks are never so near to each other."""

Coordinate = Annotated[float, Field(ge=0.0, le=_LARGEST_A, allow_inf_nan=False)]
Point = tuple[Coordinate, Coordinate]
"""(x, y) in Å from the first pixel of the micrograph: ``x_px * pixel_size_a``."""


class ManualPicks(BaseModel):
    """Particles added and removed by hand.

    Attributes
    ----------
    added
        Centres of particles that picking did not find.
    removed
        Centres of particles that it found and that are none.
    saved_at, saved_by
        When (seconds since 1970) and who.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    added: tuple[Point, ...] = Field(default=(), max_length=MOST_POINTS)
    removed: tuple[Point, ...] = Field(default=(), max_length=MOST_POINTS)
    saved_at: float = 0.0
    saved_by: str = ""

    @property
    def token(self) -> str:
        """Name of the change: equal tokens, equal particles; empty where nothing was changed."""
        if not self.added and not self.removed:
            return ""
        text = json.dumps([sorted(self.added), sorted(self.removed)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


UNCHANGED = ManualPicks()
"""Nobody changed anything."""
