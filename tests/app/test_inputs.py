"""The movies a person means: names, folders, patterns; what is left out is said."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from frazil.app.inputs import find_inputs
from frazil.app.process_settings import reason_without_effect, refuse_without_effect, settings_with_effect
from frazil.model.errors import InputError
from frazil.model.settings import Settings, all_settings, with_values

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("m10.tif", "m2.tif", "sub/m1.mrc", "x_gain.mrc", "notes.txt", ".hidden.tif", "b.mrc.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(patterns: list[str], settings: Settings | None = None) -> list[str]:
    return [path.name for path in find_inputs(patterns, settings or Settings()).sources]


def test_folders_patterns_and_names_find_the_same_movies(folder: Path) -> None:
    assert names([str(folder)]) == ["b.mrc.gz", "m2.tif", "m10.tif", "m1.mrc"]
    assert names([str(folder / "m*.tif")]) == ["m2.tif", "m10.tif"]
    assert names([str(folder / "m10.tif"), str(folder / "m*.tif")]) == ["m2.tif", "m10.tif"]
    assert names([str(folder / "**" / "*.mrc")]) == ["m1.mrc"]
    assert names([str(folder)], with_values(Settings(), {"source_recursive": False}))[-1] == "m10.tif"


def test_what_is_left_out_is_listed_with_its_rule(folder: Path) -> None:
    ignored = {path.name: rule for path, rule in find_inputs([str(folder)], Settings()).ignored}
    assert set(ignored) == {"x_gain.mrc", "notes.txt"}
    assert "_gain" in ignored["x_gain.mrc"]
    settings = with_values(Settings(), {"gain_path": str(folder / "m2.tif")})
    assert "m2.tif" in {path.name for path, _ in find_inputs([str(folder)], settings).ignored}


@pytest.mark.parametrize("pattern", ["", "*.tif*", "**/*"])
def test_a_folder_that_is_called_like_a_movie_is_told(folder: Path, pattern: str) -> None:
    (folder / "x.tiff").mkdir()
    found = find_inputs([str(folder / pattern)], Settings())
    assert {path.name: rule for path, rule in found.ignored}["x.tiff"] == "is a folder"
    assert "sub" not in {path.name for path, _ in found.ignored}
    assert "m2.tif" in {path.name for path in found.sources}


def test_a_link_that_leads_in_a_circle_is_no_reason_to_stop(folder: Path) -> None:
    (folder / "loop.tif").symlink_to("loop.tif")
    assert {"loop.tif", "m2.tif"} <= set(names([str(folder)]))


def test_a_folder_that_is_closed_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(place: str) -> object:
        if str(place).endswith("sub"):
            raise PermissionError(errno.EACCES, "Permission denied", str(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", refuse)
    found = find_inputs([str(folder)], Settings())
    assert [path.name for path in found.sources] == ["b.mrc.gz", "m2.tif", "m10.tif"]
    (told,) = found.closed
    assert str(folder / "sub") in told
    assert "Permission denied" in told
    with pytest.raises(InputError, match="Permission denied"):
        find_inputs([str(folder / "sub")], Settings())


def test_a_relative_pattern_holds_from_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert names(["m*.tif"]) == ["m2.tif", "m10.tif"]
    assert all(path.is_absolute() for path in find_inputs(["m*.tif"], Settings()).sources)


def test_every_setting_is_honoured_or_refused_with_a_reason() -> None:
    honoured = set(settings_with_effect())
    assert {"ctf_low_a", "class_count", "output_depth", "patch_overlap_percent", "automask"} <= honoured
    for name in all_settings():
        if name not in honoured:
            assert reason_without_effect(name)
            with pytest.raises(InputError, match=f"{name} has no effect"):
                refuse_without_effect({name: "x"}, micrographs=False)
    assert "alignment_high_a" not in settings_with_effect(micrographs=True)
    assert "output_depth" in settings_with_effect(micrographs=True)
