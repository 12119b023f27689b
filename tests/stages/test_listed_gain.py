"""RELION's polishing turns no gain reference: the tables name one that lies as it was applied."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import tifffile

from frazil.formats.gain import read_gain
from frazil.formats.mrc import read_mrc
from frazil.formats.mrc_write import write_mrc
from frazil.stages.listed_gain import listed_gain
from frazil.stages.products import Products

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.stages.exposure import Exposure


def exposure(session: Path, gain: Path | None, listed_as: str = "", **turned: Any) -> Exposure:
    settings = {
        "gain_path": gain and str(gain),
        "gain_rotation_deg": 0,
        "gain_flip_x": False,
        "gain_flip_y": False,
        "gain_invert": "auto",
    } | turned
    made = SimpleNamespace(
        settings=SimpleNamespace(gain=SimpleNamespace(**settings)),
        task=SimpleNamespace(listed_as=listed_as),
        files=Products(session, "movie_1"),
    )
    return cast("Exposure", made)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    values = np.random.default_rng(1).uniform(0.8, 1.2, (6, 8)).astype(np.float32)
    write_mrc(tmp_path / "gain.mrc", values, 1.0, depth="float32")
    return tmp_path / "gain.mrc"


def test_a_gain_reference_that_is_applied_as_it_lies_is_named_where_it_is(
    stored: Path, tmp_path: Path
) -> None:
    gain = read_gain(stored, height_px=6, width_px=8)
    assert listed_gain(exposure(tmp_path, stored), gain, 1.0, for_eer=False) == "raw/gain.mrc"
    assert listed_gain(exposure(tmp_path, stored, listed_as="/raw/m.tif"), gain, 1.0, for_eer=False) == str(
        stored
    )
    assert listed_gain(exposure(tmp_path, None), None, 1.0, for_eer=False) == ""
    assert not (tmp_path / "motion").exists()


def test_one_in_a_folder_with_blanks_is_written_where_tables_can_name_it(
    stored: Path, tmp_path: Path
) -> None:
    blank = tmp_path / "a b" / "gain.mrc"
    blank.parent.mkdir()
    stored.rename(blank)
    gain = read_gain(blank, height_px=6, width_px=8)
    name = listed_gain(exposure(tmp_path, blank, listed_as="raw/m.tif"), gain, 1.0, for_eer=False)
    assert name.startswith("motion/gain_")
    np.testing.assert_array_equal(read_mrc(tmp_path / name).data, gain)
    # `frazil process` links it into the session folder.
    assert listed_gain(exposure(tmp_path, blank), gain, 1.0, for_eer=False) == "raw/gain.mrc"


@pytest.mark.parametrize("listed_as", ["", "/raw/m.tif"])
def test_a_turned_one_is_written_once_as_it_was_applied(stored: Path, tmp_path: Path, listed_as: str) -> None:
    gain = read_gain(stored, height_px=6, width_px=8, rotation_deg=180, flip_x=True)
    asked = exposure(tmp_path, stored, listed_as, gain_rotation_deg=180, gain_flip_x=True)
    name = listed_gain(asked, gain, 1.0, for_eer=False)
    assert name.startswith("motion/gain_")
    np.testing.assert_array_equal(read_mrc(tmp_path / name).data, gain)
    assert not np.array_equal(gain, read_mrc(stored).data)
    before = (tmp_path / name).stat().st_mtime_ns
    assert listed_gain(asked, gain, 1.0, for_eer=False) == name
    assert (tmp_path / name).stat().st_mtime_ns == before
    other = exposure(tmp_path, stored, listed_as, gain_flip_y=True)
    assert (
        listed_gain(other, read_gain(stored, height_px=6, width_px=8, flip_y=True), 1.0, for_eer=False)
        != name
    )


def test_relion_divides_frames_of_eer_movies_by_mrc_references(stored: Path, tmp_path: Path) -> None:
    """Measured with RELION 3.1.3 on an EER movie of 4096 x 4096."""
    with_defect = read_mrc(stored).data.copy()
    with_defect[2, 3] = 0.0
    write_mrc(stored, with_defect, 1.0, depth="float32")
    gain = read_gain(stored, height_px=6, width_px=8, rotation_deg=180, for_eer=True)
    name = listed_gain(exposure(tmp_path, stored, gain_rotation_deg=180), gain, 1.0, for_eer=True)
    written = read_mrc(tmp_path / name).data
    good = gain > 0.0
    np.testing.assert_allclose(written[good] * gain[good], 1.0, rtol=1e-6)
    assert np.argwhere(written == 0.0).tolist() == np.argwhere(gain == 0.0).tolist() == [[3, 4]]


@pytest.mark.parametrize(
    ("ending", "invert", "for_eer", "as_it_lies"),
    [
        (".mrc", "auto", True, True),
        (".mrc", "on", True, True),
        (".mrc", "off", True, False),
        (".gain", "auto", True, True),
        (".gain", "on", True, False),
        (".tif", "auto", True, False),
        (".mrc", "off", False, True),
        (".tif", "auto", False, True),
        (".mrc", "on", False, False),
        (".gain", "auto", False, False),
        (".dm4", "auto", False, False),
    ],
)
def test_files_of_which_relion_makes_the_same(
    tmp_path: Path, ending: str, invert: str, for_eer: bool, as_it_lies: bool
) -> None:
    file = tmp_path / f"gain{ending}"
    gain = np.ones((6, 8), np.float32)
    if ending == ".mrc":
        write_mrc(file, gain, 1.0, depth="float32")
    else:
        tifffile.imwrite(file, gain)
    name = listed_gain(exposure(tmp_path, file, gain_invert=invert), gain, 1.0, for_eer=for_eer)
    assert (name == f"raw/{file.name}") == as_it_lies


@pytest.mark.parametrize(("times", "for_eer"), [(2, False), (2, True), (0.5, False)])
def test_one_of_another_size_is_written_as_it_was_applied(
    tmp_path: Path, times: float, for_eer: bool
) -> None:
    """RELION takes none that has not the size of the frames."""
    file = tmp_path / "gain.mrc"
    values = np.random.default_rng(2).uniform(0.8, 1.2, (int(8 * times), int(12 * times)))
    write_mrc(file, values.astype(np.float32), 1.0, depth="float32")
    gain = read_gain(file, height_px=8, width_px=12, for_eer=for_eer)
    name = listed_gain(exposure(tmp_path, file), gain, 1.0, for_eer=for_eer)
    written = read_mrc(tmp_path / name).data
    np.testing.assert_allclose(1.0 / written if for_eer else written, gain, rtol=1e-6)


def test_relion_enlarges_references_of_eer_movies_by_itself(tmp_path: Path, stored: Path) -> None:
    gain = read_gain(stored, height_px=12, width_px=16, for_eer=True)
    assert listed_gain(exposure(tmp_path, stored), gain, 1.0, for_eer=True) == "raw/gain.mrc"
