"""Settings of a session by revision, each read once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from frazil.store.catalogue import revisions
from frazil.store.catalogue.schema import settings_revisions

if TYPE_CHECKING:
    from frazil.model.settings import Settings
    from frazil.store.catalogue import Catalogue


class RevisionSettings:
    """Settings of one session; revisions never change, so they are kept."""

    def __init__(self, catalogue: Catalogue, session_id: int) -> None:
        self._catalogue, self._session_id = catalogue, session_id
        self._known: dict[int, Settings] = {}

    def __call__(self, revision: int) -> Settings:
        """Return the settings of a revision; `InputError` where there is none."""
        if revision not in self._known:
            with self._catalogue.read() as connection:
                self._known[revision] = revisions.get(connection, self._session_id, revision).settings()
        return self._known[revision]

    def newest(self) -> int:
        """Return the number of the newest revision."""
        table = settings_revisions
        with self._catalogue.read() as connection:
            query = select(func.max(table.c.revision)).where(table.c.session_id == self._session_id)
            return int(connection.scalar(query) or 0)
