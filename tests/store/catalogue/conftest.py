"""A catalogue with one session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from frazil.store.catalogue import Catalogue, sessions, tracks
from frazil.store.catalogue.schema import groups

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    with Catalogue(tmp_path / "catalogue.sqlite") as opened:
        yield opened


@pytest.fixture
def session_id(catalogue: Catalogue) -> int:
    with catalogue.write() as connection:
        connection.execute(groups.insert().values(name="lab"))
        number = sessions.add(
            connection,
            uuid="1",
            name="one",
            group_id=1,
            folder="/data/one",
            kind="movies",
            life="new",
            created_at=1.0,
        )
        tracks.add_all(connection, number, 1.0)
    return number
