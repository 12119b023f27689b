"""``frazil classify`` with particles that give no class: it says so, and leaves nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.app.classify_star import ClassifyRequest, classify_star
from frazil.formats.mrc import write_mrc
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 30
HEAD = """data_optics
loop_
_rlnOpticsGroup
_rlnVoltage
_rlnSphericalAberration
_rlnAmplitudeContrast
_rlnImagePixelSize
1 300 2.7 0.1 {pixel_size_a}
data_particles
loop_
_rlnImageName
_rlnOpticsGroup
_rlnDefocusU
"""


def request(folder: Path, pixel_size_a: float = 4.0) -> ClassifyRequest:
    write_mrc(folder / "a.mrcs", np.zeros((COUNT, 32, 32), np.float32), 4.0, depth="float32")
    rows = "".join(f"{i + 1}@a.mrcs 1 10000\n" for i in range(COUNT))
    (folder / "p.star").write_text(HEAD.format(pixel_size_a=pixel_size_a) + rows)
    return ClassifyRequest(
        folder / "p.star", folder / "out", 3, 100.0, 40.0, 12.0, seed=1, depth="float32", device="cpu"
    )


def test_images_without_signal_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"p\.star: no class came out of 30 particles: 30 of 30 .*unusable"):
        list(classify_star(request(tmp_path)))
    assert not list((tmp_path / "out").iterdir())


def test_pixels_that_are_too_coarse_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="pixels of 30 Å reach 60 Å"):
        list(classify_star(request(tmp_path, pixel_size_a=30.0)))
