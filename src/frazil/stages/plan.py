"""What is left to do for one movie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil.model.settings import STAGES, Settings, Stage
from frazil.model.settings_stages import stage_fingerprints
from frazil.stages.source import input_signature

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from frazil.stages.record import MovieRecord


def stages_to_do(
    record: MovieRecord, settings: Settings, session: Path, source: Path, manual_picks: str = ""
) -> list[Stage]:
    """Stages that are missing, outdated, failed or have lost a product, and all that follow them.

    Raises `OSError` where the movie, its gain reference or its defect list can't be looked at.
    """
    signature = input_signature(source, settings)
    return stages_missing(
        record, settings, signature, lambda product: (session / product).exists(), manual_picks
    )


def stages_missing(
    record: MovieRecord,
    settings: Settings,
    signature: str,
    exists: Callable[[str], bool],
    manual_picks: str = "",
) -> list[Stage]:
    """As `stages_to_do`, for an input that was looked at already.

    Parameters
    ----------
    signature
        Of the input, see `frazil.stages.source.input_signature`.
    exists
        Whether a product, named relative to the session folder, is there.
    manual_picks
        Token of what a person changed about the picks.
    """
    fingerprints = stage_fingerprints(settings, signature, manual_picks)
    for place, stage in enumerate(STAGES):
        done = record.is_done(stage, fingerprints[stage])
        if not done or not all(exists(product) for product in record.stage(stage).products):
            return list(STAGES[place:])
    return []
