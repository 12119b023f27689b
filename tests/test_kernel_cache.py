"""Kernels have a place also where neither the code's folder nor the home can be written to."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from frazil.kernel_cache import choose_kernel_cache, compiled_before


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A code folder that this user can't write to; root can write everywhere, so the answer is made up."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "not" / "yet"))
    real = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: real(path, mode) and Path(path).name not in ("code", "home")
    )
    (tmp_path / "code").mkdir()
    return tmp_path / "code"


def test_a_service_account_gets_a_folder_of_its_own(closed: Path) -> None:
    choose_kernel_cache(closed)
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    assert folder == closed.parent / "temporary" / f"frazil-kernels-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_can_write_to_is_not_trusted(closed: Path) -> None:
    planted = closed.parent / "temporary" / f"frazil-kernels-{os.getuid()}"
    planted.mkdir()
    planted.chmod(0o777)
    choose_kernel_cache(closed)
    assert Path(os.environ["NUMBA_CACHE_DIR"]) != planted
    assert Path(os.environ["NUMBA_CACHE_DIR"]).stat().st_mode & 0o777 == 0o700


def test_numba_decides_where_it_can(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choose_kernel_cache(closed.parent)
    assert not os.environ["NUMBA_CACHE_DIR"]
    monkeypatch.setenv("XDG_CACHE_HOME", str(closed.parent))
    choose_kernel_cache(closed)
    assert not os.environ["NUMBA_CACHE_DIR"]
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/somewhere")
    choose_kernel_cache(closed)
    assert os.environ.get("NUMBA_CACHE_DIR") == "/somewhere"


def test_whether_kernels_were_compiled_is_seen_wherever_numba_keeps_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    room = tmp_path / "compute" / "motion"
    (room / "__pycache__").mkdir(parents=True)
    assert not compiled_before(room)
    elsewhere = tmp_path / "home" / "numba" / "motion_0a1b"
    elsewhere.mkdir(parents=True)
    (elsewhere / "tiles.add-12.py311.nbi").touch()
    assert compiled_before(room)
    assert not compiled_before(room.with_name("classify2d"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "chosen"))
    assert not compiled_before(room)
    (tmp_path / "chosen" / "motion_77").mkdir(parents=True)
    (tmp_path / "chosen" / "motion_77" / "x.nbi").touch()
    assert compiled_before(room)
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    (elsewhere / "tiles.add-12.py311.nbi").unlink()
    (room / "__pycache__" / "tiles.add-12.py311.nbi").touch()
    assert compiled_before(room)
