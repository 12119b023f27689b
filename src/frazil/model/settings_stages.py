"""Which stages a change of settings redoes.

The fingerprint of a stage is a hash of the settings it reads and of the fingerprint of the stage before, so
that two equal fingerprints mean equal products. Which setting belongs to which stage is declared with the
setting itself (`frazil.model.settings_field.setting`).
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from frazil.model.settings import STAGES, Settings, Stage, all_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

CLASSIFICATION_READS = (
    "mask_radius_a",
    "initial_resolution_a",
    "final_resolution_a",
    "class_count",
    "max_ctf_resolution_a",
    "random_seed",
    "automask",
    "autocentre",
)
"""Settings that a classification of all particles reads."""


def settings_of(stage: Stage) -> tuple[str, ...]:
    """Names of the settings that this stage is the first to read."""
    return tuple(info.name for info in all_settings().values() if info.stage == stage)


def stage_fingerprints(settings: Settings, source: str, manual_picks: str = "") -> dict[Stage, str]:
    """Fingerprint of every stage for one movie.

    Parameters
    ----------
    settings
        All settings.
    source
        What identifies the content of the input (movie, gain reference, defects).
    manual_picks
        Token of what a person changed about the picks; empty for nothing.
    """
    result: dict[Stage, str] = {}
    before = source
    for stage in STAGES:
        values: dict[str, object] = {name: settings.value(name) for name in settings_of(stage)}
        if stage == "pick" and manual_picks:
            values["manual_picks"] = manual_picks
        before = hash_of_values(values, before)
        result[stage] = before
    return result


def classification_fingerprint(settings: Settings, particles: Mapping[str, str]) -> str:
    """Fingerprint of a classification: its settings and the extraction of every micrograph."""
    return hash_of_values(
        {name: settings.value(name) for name in CLASSIFICATION_READS},
        json.dumps(dict(particles), sort_keys=True),
    )


def hash_of_values(values: Mapping[str, object], before: str) -> str:
    """Short hash of values by name, and of a text that stands for what came before."""
    text = json.dumps([before, values], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
