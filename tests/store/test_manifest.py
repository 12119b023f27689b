"""The manifest keeps every delivered file, also across a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil.store.manifest import PLACE, Delivered, append, read

if TYPE_CHECKING:
    from pathlib import Path


def delivered(number: int) -> Delivered:
    return Delivered(
        path=f"raw/sq/m{number}.tif",
        source=f"/scope/sq/m\n{number}.tif",
        size_bytes=number,
        mtime_ns=10**18 + number,
        xxh128="ab" * 16,
        mode="copy",
        movie=f"m{number}",
        at=1.5,
    )


def test_files_come_back_in_the_order_of_delivery(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    assert list(read(tmp_path)) == []
    append(tmp_path, [delivered(1), delivered(2)])
    append(tmp_path, [])
    append(tmp_path, [delivered(3)])
    assert list(read(tmp_path)) == [delivered(1), delivered(2), delivered(3)]


def test_a_line_that_a_crash_cut_off_spoils_no_other(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    append(tmp_path, [delivered(1), delivered(2)])
    file = tmp_path / PLACE
    file.write_bytes(file.read_bytes()[:-10])
    append(tmp_path, [delivered(3)])
    assert list(read(tmp_path)) == [delivered(1), delivered(3)]
