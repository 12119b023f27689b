"""Sessions for the tests of tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.tracks.harness import make_bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.tracks.harness import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = make_bench(tmp_path)
    yield made
    made.close()
