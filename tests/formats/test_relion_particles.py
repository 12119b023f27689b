"""Particle tables of other people: what makes no sense is named before anything is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.formats.mrc import write_mrc
from frazil.formats.relion_particles import read_particles
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

OPTICS = """data_optics

loop_
_rlnOpticsGroup
_rlnVoltage
_rlnSphericalAberration
_rlnAmplitudeContrast
_rlnImagePixelSize
1 {voltage} {cs} 0.1 {pixel}

data_particles

loop_
_rlnImageName
_rlnOpticsGroup
_rlnDefocusU
{image} 1 {defocus}
"""
GOOD = {"voltage": "300", "cs": "2.7", "pixel": "3.0", "image": "2@a.mrcs", "defocus": "10000"}


def table(folder: Path, **changed: str) -> Path:
    write_mrc(folder / "a.mrcs", np.arange(3 * 64).reshape(3, 8, 8).astype(np.float32), 3.0, depth="float32")
    path = folder / "p.star"
    path.write_text(OPTICS.format(**{**GOOD, **changed}))
    return path


def test_images_are_counted_from_one(tmp_path: Path) -> None:
    particles = read_particles(table(tmp_path))
    assert particles.index.tolist() == [1]
    assert particles.read_images()[0, 0, 0] == 64.0


def test_no_spherical_aberration_is_possible(tmp_path: Path) -> None:
    assert read_particles(table(tmp_path, cs="0")).ctf.optics.cs_mm == 0.0


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("image", "0@a.mrcs", "row 1: '0@a.mrcs' is no image of a stack; they count from 1"),
        ("image", "-1@a.mrcs", "is no image of a stack"),
        ("image", "x@a.mrcs", "is no image of a stack"),
        ("image", "9" * 30 + "@a.mrcs", "is no image of a stack"),
        ("image", "4@a.mrcs", "names image 4 of .*, which has 3"),
        ("image", "1@b.mrcs", "the stack b.mrcs is neither"),
        ("pixel", "0", "the pixel size can't be 0"),
        ("pixel", "-3", "the pixel size can't be -3"),
        ("image", f"1@{'x' * 5000}.mrcs", "the stack x{80}: File name too long"),
        ("pixel", "1e6", "the pixel size can't be 1e\\+06 Å, only 0.05 to 50"),
        ("pixel", "nan", "the pixel size can't be nan"),
        ("voltage", "0", "the voltage can't be 0"),
        ("voltage", "1e12", "the voltage can't be 1e\\+12 kV, only 10 to 3000"),
        ("cs", "inf", "the Cs can't be inf"),
        ("defocus", "nan", "row 1: a CTF value of nan"),
        ("defocus", "1e30", "row 1: a CTF value of 1e\\+30"),
    ],
)
def test_nonsense_is_named(column: str, value: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"p\.star: .*{problem}"):
        read_particles(table(tmp_path, **{column: value}))
