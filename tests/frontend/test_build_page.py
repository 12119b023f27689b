"""The page's build: only when needed, and loud when it can't be."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]


@pytest.fixture
def build_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load the script as if it stood in an own working copy with a small page."""
    spec = importlib.util.spec_from_file_location("build_page", ROOT / "scripts" / "build_page.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sources, target = tmp_path / "frontend", tmp_path / "static"
    (sources / "src").mkdir(parents=True)
    (sources / "src" / "main.ts").write_text("1")
    (sources / "package-lock.json").write_text("{}")
    for name, value in (("SOURCES", sources), ("TARGET", target), ("STAMP", target / ".built-from")):
        monkeypatch.setattr(module, name, value)
    return module


def make_npm(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Have a build leave a page without Node; returns what npm was asked for."""
    asked: list[tuple[str, ...]] = []

    def npm(*words: str, **_: Any) -> None:
        asked.append(words)
        if words[0] == "ci":
            (module.SOURCES / "node_modules").mkdir(exist_ok=True)
        else:
            place = Path(words[words.index("--outDir") + 1])
            place.mkdir()
            (place / "index.html").write_text("<html>")

    monkeypatch.setattr(module, "npm", npm)
    return asked


def test_it_is_built_once_and_again_when_a_source_changed(
    build_page: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = make_npm(build_page, monkeypatch)
    assert build_page.main([]) == 0
    assert [words[0] for words in asked] == ["ci", "run"]
    assert build_page.main([]) == 0
    assert len(asked) == 2
    (build_page.SOURCES / "src" / "main.test.ts").write_text("tests are no part of the page")
    assert build_page.main([]) == 0
    assert len(asked) == 2
    (build_page.SOURCES / "src" / "main.ts").write_text("2")
    assert build_page.main([]) == 0
    # What the lock file names is there already.
    assert [words[0] for words in asked] == ["ci", "run", "run"]


def test_a_page_that_came_without_sources_is_taken_as_it_is(
    build_page: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = make_npm(build_page, monkeypatch)
    assert build_page.main([]) == 0
    shutil.rmtree(build_page.SOURCES)
    assert build_page.main([]) == 0
    assert len(asked) == 2


def test_without_page_and_sources_it_fails(
    build_page: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(build_page.SOURCES)
    assert build_page.main([]) == 1
    assert "neither a built page nor its sources" in capsys.readouterr().err


def test_a_build_that_fails_says_why_and_leaves_no_stamp(
    build_page: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    # A package file without scripts: npm itself says what is wrong.
    (build_page.SOURCES / "package.json").write_text('{"name": "x", "version": "1.0.0"}')
    (build_page.SOURCES / "package-lock.json").write_text(
        '{"name": "x", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "x"}}}'
    )
    assert build_page.main([]) == 1
    assert "npm run build -- --outDir" in capsys.readouterr().err
    assert not build_page.STAMP.exists()
    assert build_page.main([]) == 1


def test_an_old_node_is_refused(
    build_page: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, says in (("node", "v18.20.1"), ("npm", "9.0.0")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {says}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert build_page.main([]) == 1
    assert "Node v18.20.1, too old" in capsys.readouterr().err


def test_a_page_that_is_too_large_is_not_taken(
    build_page: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_npm(build_page, monkeypatch)
    monkeypatch.setattr(build_page, "MOST_BYTES", 10)
    assert build_page.main([]) == 1
    assert "make it smaller" in capsys.readouterr().err
    assert not build_page.TARGET.exists()
