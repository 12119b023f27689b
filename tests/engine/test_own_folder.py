"""Engines clean up behind those that were killed, and leave the living alone."""

from __future__ import annotations

import shutil
import stat
import tempfile
from typing import TYPE_CHECKING

from frazil.engine.own_folder import own_folder

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_only_what_killed_engines_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with own_folder() as alive:
        assert stat.S_IMODE(alive.stat().st_mode) == 0o700
        left = tmp_path / f"{alive.name}-of-a-killed-one"
        shutil.copytree(alive, left)
        other = tmp_path / "frazil-other"
        other.mkdir()
        with own_folder() as second:
            assert sorted(tmp_path.iterdir()) == sorted([alive, second, other])
    assert list(tmp_path.iterdir()) == [other]
