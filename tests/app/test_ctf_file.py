"""The CTF of one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from frazil.app.ctf_file import CtfRequest, fit_file
from frazil.formats.mrc import write_mrc

if TYPE_CHECKING:
    from pathlib import Path


def test_rings_are_looked_for_as_far_as_the_setting_says(tmp_path: Path) -> None:
    image = np.random.default_rng(3).normal(size=(512, 512)).astype(np.float32)
    write_mrc(tmp_path / "fine.mrc", image, 0.7, depth="float32")
    values = {"pixel_size_a": 0.7, "voltage_kv": 300.0, "ctf_high_a": 2.2}
    report = fit_file(CtfRequest(tmp_path / "fine.mrc", values, is_spectrum=False))
    assert report.fit.profile.frequency_per_a[-1] > 1.0 / 2.2
