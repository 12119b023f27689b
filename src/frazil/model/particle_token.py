"""Which settings change the particle images or their CTF: what 2D classification has to know of a movie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil.model.settings_field import STAGES
from frazil.model.settings_stages import hash_of_values, settings_of

if TYPE_CHECKING:
    from frazil.model.settings import Settings

WITHOUT_EFFECT_ON_PARTICLES = frozenset(
    {"output_depth", "write_unweighted", "write_half_sums", "write_power_spectrum"}
)
"""Read by a stage of a movie, but the particles stay what they were."""


def particle_settings() -> tuple[str, ...]:
    """Names of the settings that make other particles of the same movie."""
    return tuple(
        name for stage in STAGES for name in settings_of(stage) if name not in WITHOUT_EFFECT_ON_PARTICLES
    )


def particle_token(settings: Settings, source_signature: str, manual_picks: str = "") -> str:
    """Name the particle images that these settings make of a movie: equal tokens, equal particles.

    ``manual_picks`` is the token of what a person changed about the picks.
    """
    values: dict[str, object] = {name: settings.value(name) for name in particle_settings()}
    if manual_picks:
        values["manual_picks"] = manual_picks
    return hash_of_values(values, source_signature)
