"""Looking at a tree: nothing is missed, nothing told twice, odd trees do no harm."""

from __future__ import annotations

import glob
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from frazil.tracks.transfer.location import Location
from frazil.tracks.transfer.patterns import Patterns
from frazil.tracks.transfer.scan import Look, SourceTree

if TYPE_CHECKING:
    from collections.abc import Iterator

PATTERNS = Patterns(["*.tif", "*.mrc"], ["*_gain*"], [".xml", ".mdoc"])


def tree(location: Path | str, *, recursive: bool = True, avoid: tuple[Path, ...] = ()) -> SourceTree:
    return SourceTree(Location(str(location), recursive=recursive), PATTERNS, avoid)


def make(base: Path, *names: str, content: bytes = b"x") -> None:
    for name in names:
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def names(look: Look) -> list[str]:
    return sorted(seen.path for seen in look.seen)


def test_movies_and_extra_files_are_told_once_with_what_they_are(tmp_path: Path) -> None:
    make(tmp_path, "a.tif", "g1/b.TIF", "g1/b.xml", "g2/c.mrc.gz", "x_gain.tif", "notes.txt", ".hidden.tif")
    source = tree(tmp_path)
    first = source.look()
    assert {(seen.path, seen.kind, seen.size) for seen in first.seen} == {
        ("a.tif", "movie", 1),
        ("g1/b.TIF", "movie", 1),
        ("g1/b.xml", "extra", 1),
        ("g2/c.mrc.gz", "movie", 1),
    }
    assert source.ignored() == {"is ignored as *_gain*": 1, "is none of *.tif *.mrc": 1, "is hidden": 1}
    assert ("x_gain.tif", "is ignored as *_gain*") in source.ignored_examples()
    assert source.look().seen == []
    assert names(source.look(["a.tif"])) == ["a.tif"], "who asks is told"


def test_not_recursive(tmp_path: Path) -> None:
    make(tmp_path, "a.tif", "g1/b.tif")
    assert names(tree(tmp_path, recursive=False).look()) == ["a.tif"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("day*", ["day1/a.tif", "day1/raw/b.tif", "day2/a.tif"]),
        ("day?/raw", ["day1/raw/b.tif"]),
        ("day*/*.tif", ["day1/a.tif", "day2/a.tif"]),
        ("**/raw", ["day1/raw/b.tif", "other/raw/c.tif"]),
        ("**/*.tif", ["day1/a.tif", "day1/raw/b.tif", "day2/a.tif", "other/raw/c.tif", "x.tif"]),
        ("*", ["day1/a.tif", "day1/raw/b.tif", "day2/a.tif", "other/raw/c.tif", "x.tif"]),
        ("nothing*", []),
    ],
)
def test_patterns_as_source(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    make(tmp_path, "day1/a.tif", "day2/a.tif", "day1/raw/b.tif", "other/raw/c.tif", "x.tif")
    assert names(tree(tmp_path / pattern).look()) == expected


parts = st.sampled_from(["*", "a*", "**", "a", "b?", "*.tif", "[ab]"])
places = st.lists(st.sampled_from(["a", "b", "ab", "bc"]), max_size=3).map(lambda p: "/".join([*p, "x.tif"]))


@settings(max_examples=150, deadline=None)
@given(given_parts=st.lists(parts, min_size=1, max_size=4), files=st.lists(places, min_size=1, max_size=6))
def test_patterns_match_what_the_shell_would(given_parts: list[str], files: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        make(base, *files)
        pattern = "/".join(given_parts)
        if (base / pattern).exists():
            return
        matches = [Path(match) for match in glob.glob(str(base / pattern), recursive=True)]  # noqa: PTH207
        expected = {match for match in matches if match.is_file()}
        expected |= {
            file for match in matches if match.is_dir() for file in match.iterdir() if file.is_file()
        }
        source = tree(base / pattern, recursive=False)
        assert {source.base / seen.path for seen in source.look().seen} == expected


def test_a_folder_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    make(tmp_path, "grid[1]/a.tif", "grid1/b.tif")
    assert names(tree(tmp_path / "grid[1]").look()) == ["a.tif"]


def test_loops_of_links_end_and_a_folder_with_two_names_counts_once(tmp_path: Path) -> None:
    make(tmp_path, "z/a.tif")
    (tmp_path / "z" / "loop").symlink_to(tmp_path)
    (tmp_path / "alias").symlink_to(tmp_path / "z")
    (tmp_path / "self.tif").symlink_to(tmp_path / "self.tif")
    (tmp_path / "dangling.tif").symlink_to(tmp_path / "nowhere.tif")
    look = tree(tmp_path).look()
    assert names(look) == ["z/a.tif"]
    assert look.troubles["alias"] == "is the same folder as z; passed over"
    assert look.troubles["z/loop"] == "is the same folder as the source itself; passed over"
    assert {"self.tif", "dangling.tif"} <= look.troubles.keys()


def test_odd_names(tmp_path: Path) -> None:
    odd = [b"a\nb.tif", b"\xff\xfe.tif", "ü ä.tif".encode(), b"-rf.tif", b"$(x).tif"]
    for name in odd:
        Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name))).write_bytes(b"x")  # noqa: PTH118
    assert sorted(map(os.fsencode, names(tree(tmp_path).look()))) == sorted(odd)


def test_pipes_and_folders_with_names_of_movies_are_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tif")
    (tmp_path / "folder.tif").mkdir()
    source = tree(tmp_path)
    assert source.look().seen == []
    assert source.ignored() == {"is not a file": 1}


def test_session_folder_and_gain_reference_are_never_taken(tmp_path: Path) -> None:
    make(tmp_path, "session/raw/a.tif", "reference.mrc", "b.tif")
    look = tree(tmp_path, avoid=(tmp_path / "session", tmp_path / "reference.mrc")).look()
    assert names(look) == ["b.tif"]


def test_vanished_source_is_a_condition_and_nothing_is_gone(tmp_path: Path) -> None:
    share = tmp_path / "share"
    make(share, "a.tif", "g/b.tif")
    source = tree(share)
    source.look()
    share.rename(tmp_path / "away")
    look = source.look()
    assert "share mounted?" in look.missing
    assert (look.seen, look.gone) == ([], [])
    (tmp_path / "away").rename(share)
    back = source.look()
    assert (back.missing, back.seen, back.gone) == ("", [], [])


def test_empty_mount_point_is_not_an_empty_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    share = tmp_path / "share"
    make(share, "a.tif")
    source = tree(share)
    source.look()
    (share / "a.tif").unlink()
    original = Path.stat

    def other_disk(self: Path, **options: Any) -> os.stat_result:
        status = original(self, **options)
        return os.stat_result((*status[:2], status.st_dev + 1, *status[3:])) if self == share else status

    monkeypatch.setattr(Path, "stat", other_disk)
    assert "not the disk it was" in source.look().missing
    monkeypatch.undo()
    assert source.look().gone == ["a.tif"], "a source that was emptied is no condition"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_forbidden_folder_is_told(tmp_path: Path) -> None:
    make(tmp_path, "a.tif", "g/b.tif")
    (tmp_path / "g").chmod(0)
    assert tree(tmp_path).look().troubles == {"g": "Permission denied"}
    (tmp_path / "g").chmod(0o700)


def test_trouble_with_one_folder_forgets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a.tif", "g/b.tif", "g/h/c.tif")
    source = tree(tmp_path)
    source.look()
    original = os.scandir

    def refuse(path: Any) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("/g"):
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", refuse)
    for _ in range(12):
        look = source.look()
        assert (look.gone, look.troubles) == ([], {"g": "Permission denied"})


def test_unchanged_folders_are_rarely_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, *(f"g{number:03d}/a.tif" for number in range(200)))
    for number in range(200):
        os.utime(tmp_path / f"g{number:03d}", ns=(0, 10**18 + number))
    source = tree(tmp_path)
    source.look()
    listed: list[str] = []
    original = os.scandir

    def count(path: Any) -> Iterator[os.DirEntry[str]]:
        listed.append(str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", count)
    for _ in range(9):
        source.look()
    assert len(listed) <= 9 * 21
    listed.clear()
    source.look()
    assert len(listed) > 200, "every tenth round looks everywhere"


class Disturbed(RuleBasedStateMachine):
    """Whatever happens to the tree: after a full round the told files are those that are there."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.base = Path(self.folder.name)
        self.source = tree(self.base)
        self.told: dict[str, tuple[int, int]] = {}

    places = st.sampled_from(["a.tif", "b.tif", "g/a.tif", "g/h/b.tif", "g/h/c.xml"])

    @rule(place=places, size=st.integers(0, 5))
    def write(self, place: str, size: int) -> None:
        make(self.base, place, content=b"x" * size)

    @rule(place=places)
    def remove(self, place: str) -> None:
        (self.base / place).unlink(missing_ok=True)

    @rule()
    def move_folder(self) -> None:
        if (self.base / "g").is_dir() and not (self.base / "other").exists():
            (self.base / "g").rename(self.base / "other")

    @rule(asked=st.lists(places))
    def look(self, asked: list[str]) -> None:
        look = self.source.look(asked)
        assert not look.missing
        for path in look.gone:
            assert self.told.pop(path, None) is not None, "only what was told can be gone"
        for seen in look.seen:
            form = (seen.size, seen.mtime_ns)
            assert seen.path in asked or self.told.get(seen.path) != form, "told twice"
            self.told[seen.path] = form

    @invariant()
    def everything_is_known_after_a_full_round(self) -> None:
        for _ in range(10):
            self.look([])
        there = {
            str(path.relative_to(self.base)): (path.stat().st_size, path.stat().st_mtime_ns)
            for path in self.base.rglob("*")
            if path.is_file()
        }
        assert self.told == there

    def teardown(self) -> None:
        self.folder.cleanup()


TestDisturbed = Disturbed.TestCase
TestDisturbed.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
