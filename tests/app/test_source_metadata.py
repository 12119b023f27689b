"""A new session's form is filled from what lies beside the movies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from frazil.app.access import Actor
from frazil.app.errors import DeniedError
from frazil.app.source_metadata import source_metadata
from frazil.formats.mrc import write_mrc
from frazil.model.errors import InputError
from frazil.model.settings import Settings, with_values

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.app.hub import Hub

OPERATOR = Actor(5, "otto", roles={1: "operator"})
XML = """<MicroscopeImage xmlns="http://x" xmlns:a="http://y">
<CustomData><a:KeyValue><a:Key>Dose</a:Key><a:Value>5E+21</a:Value></a:KeyValue></CustomData>
<SpatialScale><pixelSize><x><numericValue>1.5E-10</numericValue></x></pixelSize></SpatialScale>
<microscopeData><acquisition><camera><ReadoutArea><a:width>48</a:width><a:height>32</a:height></ReadoutArea>
</camera></acquisition><gun><AccelerationVoltage>200000</AccelerationVoltage></gun></microscopeData>
</MicroscopeImage>"""
MDOC = (
    "T = SerialEM\nVoltage = 300\n\n[FrameSet = 0]\nPixelSpacing = 1.2\nBinning = 0.5\nNumSubFrames = 40\n"
    "GainReference = Count_1.gain\nDefectFile = defects_1.txt\n"
)


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """A folder with one movie of 96 x 64 pixels."""
    folder = tmp_path / "share" / "grid" / "Data"
    folder.mkdir(parents=True)
    write_mrc(folder / "a_fractions.mrc", np.zeros((3, 64, 96), np.float32), 1.0)
    return folder


def asked(hub: Hub, path: Path | str, actor: Actor = OPERATOR, **more: Any) -> dict[str, Any]:
    return source_metadata(hub, actor, str(path), **more)


def test_epu_fills_the_form(hub: Hub, grid: Path) -> None:
    (grid / "a.xml").write_text(XML)
    for path in (grid, grid.parent, grid.parent / "D*"):
        told = asked(hub, path)
        assert told["values"] == {
            "pixel_size_a": 0.75,
            "voltage_kv": 200.0,
            "dose_per_movie_e_per_a2": 50.0,
        }
        assert (told["source"], told["side_file"]) == ("EPU", str(grid / "a.xml"))
    assert with_values(Settings(), told["values"]).microscope.pixel_size_a == 0.75


def test_a_second_tree_is_read_too(hub: Hub, grid: Path, tmp_path: Path) -> None:
    second = tmp_path / "meta" / "grid" / "Data"
    second.mkdir(parents=True)
    (second / "a.xml").write_text(XML)
    assert asked(hub, grid)["values"] == {}
    assert asked(hub, grid, metadata_path=str(tmp_path / "meta"))["values"]["voltage_kv"] == 200.0
    with pytest.raises(DeniedError):
        asked(hub, grid, metadata_path="/etc")


def test_gain_and_defects_of_an_mdoc_are_found(hub: Hub, grid: Path) -> None:
    (grid / "a_fractions.mrc.mdoc").write_text(MDOC)
    (grid / "Count_1.gain").write_bytes(b"x")
    told = asked(hub, grid)
    assert told["values"] == {"voltage_kv": 300.0, "gain_path": str(grid / "Count_1.gain")}
    notes = " ".join(told["notes"])
    assert "does not tell pixel_size_a" in notes and "defects_1.txt" in notes


def test_what_can_not_be_read_is_told(hub: Hub, grid: Path) -> None:
    assert "no side file" in " ".join(asked(hub, grid)["notes"])
    (grid / "a.xml").write_text("<nonsense/>")
    told = asked(hub, grid)
    assert told["values"] == {} and str(grid / "a.xml") in " ".join(told["notes"])
    (grid / "a.xml").write_text(XML.replace("200000", "1000"))
    told = asked(hub, grid)
    assert "voltage_kv" not in told["values"] and "voltage_kv" in " ".join(told["notes"])
    assert "no movies" in " ".join(asked(hub, grid.parent.parent / "grid" / "x*")["notes"])


def test_nothing_outside_is_read(hub: Hub, grid: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "a.xml").write_text(XML)
    (grid / "a.xml").symlink_to(outside / "a.xml")
    assert asked(hub, grid)["values"] == {}
    for path in (outside, "/etc", grid / ".." / ".." / ".." / ".."):
        with pytest.raises(DeniedError):
            asked(hub, path)
    for path in ("grid", "/\0"):
        with pytest.raises(InputError, match="absolute"):
            asked(hub, path)
    with pytest.raises(DeniedError):
        asked(hub, grid, Actor(6, "vera", roles={1: "viewer"}))
