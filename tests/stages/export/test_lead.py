"""Exports that name files by absolute paths are right where the session lies, wherever it goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import starfile

from frazil.stages import relocate
from frazil.stages.export import lead
from frazil.stages.export.manifest import LINKED, checksum, read_manifest
from frazil.stages.export.request import CONTENTS, ExportRequest
from frazil.stages.export.run import run_export
from frazil.stages.relocation import RelocationTask

from .world import World, add_classes, make_world

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path / "s")
    (world.folder / "session.json").write_text("{}")
    classes = add_classes(world, 5)
    run_export(world.prepare(ExportRequest(contents=CONTENTS, files="none"), classes=classes, name="named"))
    run_export(world.prepare(ExportRequest(contents=CONTENTS), classes=classes, name="linked"))
    return world


def named_files(export: Path) -> Iterator[Path]:
    """Files that the tables of an export name by absolute paths."""
    for star in export.rglob("*.star"):
        blocks: dict[str, Any] = starfile.read(star, always_dict=True)
        for table in blocks.values():
            columns = table if isinstance(table, dict) else {name: table[name].tolist() for name in table}
            for values in columns.values():
                for value in values if isinstance(values, list) else [values]:
                    word = str(value).rpartition("@")[2]
                    if word.startswith("/"):
                        yield Path(word)


def assert_right(session: Path) -> None:
    export = session / "exports" / "named"
    names = list(named_files(export))
    assert len(names) > 50
    for name in names:
        assert name.is_relative_to(session) and name.is_file()
    for listed, size, digest in read_manifest(export):
        path = export / listed
        if digest != LINKED:
            assert (path.stat().st_size, checksum(path)) == (size, digest), listed


@pytest.mark.parametrize("move", [True, False])
def test_tables_follow_a_session_that_is_copied_or_moved(world: World, tmp_path: Path, move: bool) -> None:
    before = (world.folder / "exports" / "linked" / "particles.star").read_bytes()
    task = RelocationTask(world.folder, tmp_path / "a" / "t", "id", move=move)
    relocate.copy_session(task)
    if move:
        relocate.remove_original(task)
    assert_right(task.target)
    assert (task.target / "exports" / "linked" / "particles.star").read_bytes() == before
    if not move:
        assert_right(world.folder)
        for line in (task.target / "logs" / "copied.xxh128").read_text().splitlines():
            digest, _, name = line.partition("  ")
            assert checksum(task.target / name) == digest


def test_what_was_cut_off_is_finished_by_the_next_try(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "t"
    world.folder.rename(target)
    done: list[Path] = []

    def cut_off(path: Path, *names: str) -> None:
        if len(done) == 2:
            raise OSError(28, "disk is full")
        done.append(path)
        rename(path, *names)

    rename = lead._rename_words
    with monkeypatch.context() as patch:
        patch.setattr(lead, "_rename_words", cut_off)
        with pytest.raises(OSError, match="full"):
            lead.lead_exports(target, world.folder, target)
    assert lead.lead_exports(target, world.folder, target)
    assert_right(target)
    assert lead.lead_exports(target, world.folder, target) == []


def test_only_whole_names_are_taken_for_the_session(world: World, tmp_path: Path) -> None:
    star = world.folder / "exports" / "named" / "particles.star"
    star.write_text(f"{star.read_text()}\ndata_x\n_a {world.folder}2/b\n_c /x{world.folder}/b\n")
    target = tmp_path / "t"
    world.folder.rename(target)
    lead.lead_exports(target, world.folder, target)
    text = (target / "exports" / "named" / "particles.star").read_text()
    assert f" {world.folder}2/b\n" in text and f" /x{world.folder}/b\n" in text


def test_an_export_that_failed_finds_its_movies_where_the_session_lies(world: World, tmp_path: Path) -> None:
    task = world.prepare(ExportRequest(contents=CONTENTS), name="again")
    target = tmp_path / "t"
    world.folder.rename(target)
    result = run_export(task.model_copy(update={"session": target}))
    assert result["counts"]["movies"] == 3 and not result["notes"][1:]
