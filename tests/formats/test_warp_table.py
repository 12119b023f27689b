"""A particle table that is read again: what comes out is what reading the whole anew gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from frazil.formats import warp_table
from frazil.formats.star import parse_star
from frazil.formats.warp_particles import read_warp_particles
from frazil.formats.warp_table import WarpTable
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.formats.star_table import StarTable

NETWORKS = ("Net",)
ONE_TABLE = "data_\n\nloop_\n_rlnImageName #1\n_rlnDefocusU #2\n_rlnDefocusV #3\n_rlnCtfMaxResolution #4\n"
TWO_TABLES = (
    "data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnImagePixelSize #2\n1 3.5\n\n"
    "data_particles\n\nloop_\n_rlnImageName #1\n_rlnDefocusU #2\n_rlnDefocusV #3\n_rlnOpticsGroup #4\n"
)


def rows(movie: str, count: int, last: str = "1", defocus_a: int = 10_000, first: int = 1) -> str:
    return "".join(
        f"  {number:07d}@particles/{movie}_Net.mrcs {defocus_a + number} {defocus_a - 0.5 * number} {last}\n"
        for number in range(first, first + count)
    )


class Looks:
    """Reads a table as it becomes, and keeps how many bytes were parsed."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.table, self.parsed = path, WarpTable(path), 0
        monkeypatch.setattr(warp_table, "parse_star", self._parse)

    def _parse(self, path: Path, text: bytes) -> dict[str, StarTable]:
        self.parsed += len(text)
        return parse_star(path, text)

    def at(self, text: str) -> None:
        self.parsed = 0
        self.path.write_text(text)
        found, whole = self.table.read(NETWORKS), read_warp_particles(self.path, NETWORKS)
        assert [block.stack for block in found] == [block.stack for block in whole]
        for one, other in zip(found, whole, strict=True):
            assert one.digest() == other.digest()
            assert (one.movie, one.pixel_size_a, one.ctf_resolution_a) == (
                other.movie,
                other.pixel_size_a,
                other.ctf_resolution_a,
            )


@pytest.mark.parametrize("head", [ONE_TABLE, TWO_TABLES])
@pytest.mark.parametrize("piece", [1 << 24, 400])
def test_what_is_appended_is_all_that_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: str, piece: int
) -> None:
    monkeypatch.setattr(warp_table, "_PIECE", piece)
    looks = Looks(tmp_path / "allparticles_Net.star", monkeypatch)
    text = head + rows("a", 40) + rows("b", 30)
    looks.at(text)
    assert looks.parsed >= len(text)
    looks.at(text)
    assert looks.parsed == 0
    added = rows("c", 3) + rows("b", 2, first=31)
    looks.at(text + added)
    assert len(added) <= looks.parsed <= len(added) + 3 * len(head)


def test_whatever_changes_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warp_table, "_PIECE", 300)
    looks = Looks(tmp_path / "allparticles_Net.star", monkeypatch)
    a, b, c = rows("a", 9, "999.0"), rows("b", 8), rows("c", 7, "12")
    looks.at(ONE_TABLE + a + b)
    looks.at(ONE_TABLE + a.replace("10001", "20001") + b + c)
    looks.at(ONE_TABLE + a + rows("a", 3, "4.5", first=10) + b)
    looks.at(ONE_TABLE + b)
    looks.at(ONE_TABLE + b + c[:-2])
    looks.at(ONE_TABLE + b + c)
    looks.at(TWO_TABLES + b)
    looks.at((TWO_TABLES + b).replace("3.5", "3.6"))
    looks.at(TWO_TABLES + b + "\ndata_more\n\nloop_\n_rlnFoo #1\n7\n")
    looks.at(ONE_TABLE)
    looks.at(ONE_TABLE + c)


def test_a_broken_table_is_refused_as_a_whole_and_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(tmp_path / "allparticles_Net.star", monkeypatch)
    looks.at(ONE_TABLE + rows("a", 9))
    looks.path.write_text(ONE_TABLE + rows("a", 9) + "1@b_Net.mrcs 3\n")
    with pytest.raises(InputError, match="line 17"):
        looks.table.read(NETWORKS)
    looks.at(ONE_TABLE + rows("a", 9) + rows("b", 1))
    assert [block.movie for block in looks.table.read(("other",))] == ["a_Net", "b_Net"]
