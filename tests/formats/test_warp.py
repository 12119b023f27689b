"""Warp's files: settings, XML of movies, particle tables; in both versions, and as they should not be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil.formats.warp_movie import read_warp_movie
from frazil.formats.warp_particles import count_warp_particles, find_particle_table, read_warp_particles
from frazil.formats.warp_settings import read_warp_settings
from frazil.microscope.warp_output import WarpOutput, WarpParticles
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

NONE: frozenset[str] = frozenset()


def settings_text(picking: str = "", general: str = "", imported: str = "") -> str:
    return (
        f"<Settings>{general}<Import>{imported}</Import><Picking>{picking}</Picking>"
        '<CTF><Param Name="Voltage" Value="200" /><Param Name="Cs" Value="2.0" /></CTF></Settings>'
    )


def param(name: str, value: object) -> str:
    return f'<Param Name="{name}" Value="{value}" />'


@pytest.mark.parametrize("version", [1, 2])
def test_settings_of_both_versions(tmp_path: Path, version: int) -> None:
    output = WarpOutput(tmp_path)
    output.change(version=version, model="C:\\models\\BoxNet.pt", pixel_size_a=0.8, bin_times=1.5, box_px=96)
    found = read_warp_settings(tmp_path / "previous.settings")
    assert found.networks == ("BoxNet.pt", "BoxNet")
    assert found.pixel_size_a == 0.8 and found.box_size_px == 96 and found.exports_particles
    assert found.particle_pixel_size_a == pytest.approx(0.8 * 2**1.5)
    assert (found.voltage_kv, found.cs_mm, found.amplitude_contrast) == (300.0, 2.7, 0.07)
    assert found.filters["ctf_resolution_a"] == (None, 6.0)
    assert found.filters["defocus_mean_a"] == (3000.0, 50_000.0)


def test_what_is_missing_has_warps_defaults_and_resampled_boxes_count(tmp_path: Path) -> None:
    path = tmp_path / "previous.settings"
    path.write_text(settings_text())
    found = read_warp_settings(path)
    assert (found.pixel_size_a, found.box_size_px, found.minimum_score) == (1.35, 128, 0.95)
    assert not found.exports_particles and found.networks == () and found.voltage_kv == 200.0
    resampled = param("BoxSize", 200) + param("DoResample", "True") + param("BoxSizeResample", 100)
    path.write_text(settings_text(resampled, imported=param("PixelSize", 1.0)))
    found = read_warp_settings(path)
    assert (found.box_size_px, found.particle_pixel_size_a, found.average_pixel_size_a) == (100, 2.0, 1.0)
    path.write_text(settings_text(param("ModelPath", "../../etc/")))
    assert read_warp_settings(path).networks == ("etc",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<Settings>",
        "<Movie/>",
        settings_text(param("BoxSize", "many")),
        settings_text(general=param("PixelSizeX", "0")),
        settings_text(general=param("PixelSizeX", "nan")),
        '<!DOCTYPE x [<!ENTITY e "e">]><Settings/>',
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "previous.settings"
    path.write_text(text)
    with pytest.raises(InputError, match=r"previous\.settings"):
        read_warp_settings(path)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_result_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, text: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "file"
    path.write_bytes(text)
    for read in (read_warp_settings, read_warp_movie, lambda p: read_warp_particles(p, ("Net",))):
        try:
            read(path)
        except InputError as error:
            assert str(path) in str(error)


def test_units_of_a_movie(tmp_path: Path) -> None:
    path = tmp_path / "m.xml"
    ctf = {"Defocus": 1.5, "DefocusDelta": -0.02, "DefocusAngle": 10, "PhaseShift": 0.5}
    body = "".join(param(name, value) for name, value in ctf.items())
    path.write_text(
        '<Movie UnselectFilter="True" UnselectManual="null" CTFResolutionEstimate="999" MaskPercentage="-1">'
        f"<CTF>{body}</CTF></Movie>"
    )
    movie = read_warp_movie(path)
    assert movie.defocus_u_a == pytest.approx(15_100.0)
    assert movie.defocus_v_a == pytest.approx(14_900.0)
    assert movie.astigmatism_angle_deg == 100.0 and movie.phase_shift_deg == 90.0
    assert movie.ctf_resolution_a is None and movie.masked_fraction is None
    assert not movie.is_good and movie.deselected is None


def particles(count: int) -> WarpParticles:
    numbers = np.arange(count, dtype=np.float64)
    images = np.zeros((count, 8, 8), np.float32)
    return WarpParticles(images, numbers, numbers, 9000.0 + numbers, 10_000.0 + numbers, 20.0 + numbers)


def test_blocks_of_a_table(tmp_path: Path) -> None:
    output = WarpOutput(tmp_path)
    for movie, count in (("a.1_b", 3), ("c", 2)):
        output.process(movie, particles(count))
    blocks = read_warp_particles(output.table_path(), ("BoxNet2Mask_20180918",))
    assert [(block.movie, len(block)) for block in blocks] == [("a.1_b", 3), ("c", 2)]
    first = blocks[0]
    assert first.stack == "particles/a.1_b_BoxNet2Mask_20180918.mrcs"
    assert first.index.tolist() == [0, 1, 2]
    # U is the larger one, and the angle is its own.
    assert first.defocus_u_a.tolist() == [10_000.0, 10_001.0, 10_002.0]
    assert first.astigmatism_angle_deg.tolist() == [110.0, 111.0, 112.0]
    assert (first.pixel_size_a, first.amplitude_contrast, first.ctf_resolution_a) == (2.0, 0.07, 4.5)
    assert count_warp_particles(output.table_path()) == 5
    assert first.digest() != blocks[1].digest()
    assert first.digest() == read_warp_particles(output.table_path(), ())[0].digest()


def test_rows_in_any_order_columns_in_any_order_and_two_tables(tmp_path: Path) -> None:
    path = tmp_path / "allparticles_Net.star"
    path.write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup\n_rlnImagePixelSize\n_rlnAmplitudeContrast\n1 2.5 0.1\n\n"
        "data_particles\n\nloop_\n_rlnImageName\n_rlnDefocusU\n_rlnOpticsGroup\n_rlnExtra\n"
        "2@../b_Net.mrcs 100 1 x\n1@C:\\warp\\particles\\a_Net.mrcs 200 1 x\n1@../b_Net.mrcs 300 1 x\n"
    )
    blocks = {block.movie: block for block in read_warp_particles(path, ("Net",))}
    assert blocks["b"].index.tolist() == [1, 0] and blocks["b"].defocus_u_a.tolist() == [100.0, 300.0]
    # Paths that lead out of the folder are names in it.
    assert blocks["b"].stack == "particles/b_Net.mrcs" and blocks["a"].stack == "particles/a_Net.mrcs"
    assert blocks["a"].pixel_size_a == 2.5 and blocks["a"].amplitude_contrast == 0.1
    assert np.isnan(blocks["a"].x_px).all() and blocks["a"].phase_shift_deg.tolist() == [0.0]


def test_what_no_stack_can_mend_is_said(tmp_path: Path) -> None:
    path = tmp_path / "t.star"
    head = "data_\n\nloop_\n_rlnImageName\n_rlnDefocusU\n"
    path.write_text(head + "1@a.mrcs 100\n1@a.mrcs 100\n1@b.mrcs nan\n")
    twice, nowhere = read_warp_particles(path, ())
    assert "twice" in twice.problem and "no number" in nowhere.problem
    path.write_text(head + "0@a.mrcs 100\n")
    with pytest.raises(InputError, match="counted from 1"):
        read_warp_particles(path, ())
    path.write_text(head)
    assert read_warp_particles(path, ()) == []


def test_the_table_of_the_network_is_found() -> None:
    names = ["allparticles_last10000_Net.star", "allparticles_Net.star", "goodparticles_Net.star", "m.xml"]
    assert find_particle_table(names, ("Net.pt", "Net"), "all", NONE) == "allparticles_Net.star"
    assert find_particle_table(names, ("Net",), "good", NONE) == "goodparticles_Net.star"
    assert find_particle_table(names, ("Other",), "all", NONE) == "allparticles_Net.star"
    assert find_particle_table(names, ("Other",), "all", frozenset(["allparticles_Net.star"])) is None
    assert find_particle_table([], ("Net",), "all", NONE) is None
    with pytest.raises(InputError, match="several particle tables"):
        find_particle_table([*names, "allparticles_B.star"], ("Other",), "all", NONE)
