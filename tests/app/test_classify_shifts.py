"""The origins in ``particles.star`` bring off-centre particles back: sign, axes and size."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.app.classify_star import _RESULTS, ClassifyRequest, classify_star
from frazil.formats.mrc import write_mrc
from frazil.formats.relion_particles import write_particles
from frazil.formats.star import read_star
from frazil.microscope import simulate_particles

if TYPE_CHECKING:
    from pathlib import Path

PIXEL_A = 4.0


@pytest.mark.parametrize("stream", [None, 70])
def test_origins_are_the_shifts_that_centre_the_particles(tmp_path: Path, stream: int | None) -> None:
    made = simulate_particles(
        ["apoferritin"], n=120, box_px=48, pixel_size_a=PIXEL_A, snr=0.3, shift_sigma_a=9.0, seed=5
    )
    write_mrc(tmp_path / "stack.mrcs", made.images, PIXEL_A, depth="float32")
    count = len(made.images)
    columns = {
        "rlnImageName": [f"{i + 1:06d}@stack.mrcs" for i in range(count)],
        "rlnDefocusU": made.ctf.defocus_u_a,
        "rlnDefocusV": made.ctf.defocus_v_a,
        "rlnDefocusAngle": made.ctf.astigmatism_angle_deg,
    }
    write_particles(
        tmp_path / "particles.star",
        columns,
        made.ctf.optics,
        movie_pixel_size_a=1.0,
        image_pixel_size_a=PIXEL_A,
        image_size_px=48,
    )
    request = ClassifyRequest(
        tmp_path / "particles.star", tmp_path / "out", 1, 150.0, 40.0, 12.0, 1, "float32", "cpu"
    )
    lines = list(classify_star(replace(request, stream=stream)))
    assert len([line for line in lines if "waiting" in line]) == (0 if stream is None else 1)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(_RESULTS)
    table = read_star(tmp_path / "out" / "particles.star")["particles"]
    kept = table.integers("rlnClassNumber") > 0
    assert kept.sum() > 0.8 * count
    origin = np.stack([table.numbers("rlnOriginXAngst"), table.numbers("rlnOriginYAngst")], -1)[kept]
    true = np.stack([made.truth.shift_x_a, made.truth.shift_y_a], -1)[kept]
    # The class may be off-centre as a whole: each particle's share of that turns with it and averages out.
    assert np.sqrt(((origin - true) ** 2).mean()) < 3.0
    for axis in (0, 1):
        slope = np.polyfit(true[:, axis], origin[:, axis], 1)[0]
        assert 0.9 < slope < 1.1
