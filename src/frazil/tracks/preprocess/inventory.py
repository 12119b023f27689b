"""Where pre-processing was: the catalogue, the records and the products compared when the track begins.

Nothing is remembered only by a process: a killed worker left a record behind its products or it did nothing,
and a killed server left movies marked as in work that are not.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from frazil.stages.plan import stages_missing
from frazil.stages.products import PRODUCT_FOLDERS
from frazil.stages.record_file import stored_record
from frazil.store.catalogue.movies import manual_picks_of, record_of
from frazil.tracks.preprocess.results import Change, after_success, queued

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from frazil.model.settings import Settings
    from frazil.stages.record import MovieRecord

NOT_DELIVERED = ("settling", "waiting", "transferring", "ignored")
_NOTHING = Change({})


def products_there(session: Path) -> set[str]:
    """Names of all products relative to the session folder: one look at each folder, not at each file."""
    found: set[str] = set()
    for folder in PRODUCT_FOLDERS:
        try:
            with os.scandir(session / folder) as entries:
                found.update(f"{folder}/{entry.name}" for entry in entries)
        except FileNotFoundError:
            continue
    return found


@dataclass(frozen=True)
class Inventory:
    """Compares movies with what is in the session folder.

    Attributes
    ----------
    session, products
        The folder and what is in it.
    settings
        Settings of a revision.
    newest
        Number of the newest revision.
    anew
        As Restart says: newest settings for everything, failures tried again.
    now
        Seconds since 1970.
    """

    session: Path
    products: set[str]
    settings: Callable[[int], Settings]
    newest: int
    anew: bool
    now: float

    def look_at(self, row: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        """Return what has to change in a movie's row, and whether its particles are others now."""
        if row["state"] in NOT_DELIVERED or row["raw_path"] is None:
            return {}, False
        target = self.newest if self.anew else int(row["target_revision"])
        values: dict[str, Any] = {} if target == row["target_revision"] else {"target_revision": target}
        change = self._done(row, target) if row["state"] != "outdated" or self.anew else None
        if change is not None:
            return values | change.values, change.particles
        return values | self._not_done(row), False

    def _not_done(self, row: Mapping[str, Any]) -> dict[str, Any]:
        state = row["state"]
        if state in ("processing", "done"):
            # Given up in the middle, or something of it was lost.
            return queued(row)
        if state == "failed":
            again = self.anew or failed_in_passing(record_of(row))
            return queued(row) if again else {}
        if state == "outdated":
            return queued(row) if self.anew else {}
        return {"attempts": 0, "next_try_at": None} if self.anew else {}

    def _done(self, row: Mapping[str, Any], target: int) -> Change | None:
        """Return what a movie's row becomes if everything was done with the settings it should have.

        Returns an empty change where the row says so already, None where there is something to do.
        """
        record = record_of(row)
        settings = self.settings(target)
        manual = manual_picks_of(row).token
        if self._is_whole(record, settings, manual):
            if row["state"] in ("done", "outdated") and row["settings_revision"] is not None:
                # Nothing that the two revisions differ in touches a movie.
                same = row["state"] == "done" and row["settings_revision"] == target
                return _NOTHING if same else Change({"state": "done", "settings_revision": target})
            return self._taken_over(row, record, settings, target)
        if row["state"] == "failed" and not self.anew and not failed_in_passing(record):
            return None
        stored = stored_record(self.session, row["name"])
        if stored is not None and self._is_whole(stored, settings, manual):
            return self._taken_over(row, stored, settings, target)
        return None

    def _is_whole(self, record: MovieRecord, settings: Settings, manual: str) -> bool:
        if not record.source_signature:
            return False
        exists = self.products.__contains__
        return not stages_missing(record, settings, record.source_signature, exists, manual)

    def _taken_over(
        self, row: Mapping[str, Any], record: MovieRecord, settings: Settings, target: int
    ) -> Change:
        at = record.stage("extract").at
        aim = {**row, "target_revision": target}
        return after_success(aim, record, settings, settings, self.now if at is None else at)


def failed_in_passing(record: MovieRecord) -> bool:
    """Whether a movie failed for a reason that may be gone."""
    stage = record.failed_stage
    return stage is not None and record.stage(stage).passing
