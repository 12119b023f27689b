"""The motion that Frazil writes means the same to RELION: signs, units, axes, on one movie seen by both."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.compute.motion.align import align_frames
from frazil.compute.motion.polynomial import fit_polynomial
from frazil.compute.motion.prepare import choose_binning, prepare_movie
from frazil.compute.motion.sums import sum_frames
from frazil.formats.gain import read_gain
from frazil.formats.movie import open_movie
from frazil.formats.mrc import read_mrc
from frazil.formats.relion_motion import MotionHeader, write_motion_star
from frazil.formats.star import read_star
from frazil.microscope import ExposureSettings, simulate_movie
from frazil.microscope.files import write_gain, write_movie

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PROGRAM = shutil.which("relion_run_motioncorr")
pytestmark = [
    pytest.mark.relion,
    pytest.mark.skipif(
        PROGRAM is None, reason="RELION is not installed (scripts/test installs it when root)"
    ),
]
MOVIES_STAR = """
# version 30001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnMicrographOriginalPixelSize #3
_rlnVoltage #4
_rlnSphericalAberration #5
_rlnAmplitudeContrast #6
opticsGroup1 1 1.2 300 2.7 0.07


data_movies

loop_
_rlnMicrographMovieName #1
_rlnOpticsGroup #2
movie.tiff 1

"""


def global_track(star: Path) -> NDArray[np.float64]:
    table = read_star(star)["global_shift"]
    return np.stack([table.numbers("rlnMicrographShiftX"), table.numbers("rlnMicrographShiftY")], axis=-1)


@pytest.mark.slow
def test_tracks_and_average_agree_with_relion(tmp_path: Path) -> None:
    assert PROGRAM is not None
    settings = ExposureSettings(
        height_px=704, width_px=832, frames=12, pixel_size_a=1.2, dose_per_frame_e_per_a2=4.0, spacing=1.3,
        drift_total_a=22.0, drift_burst_a=6.0, local_motion_a=0.0, doming_a=0.0, seed=77, noise_seed=7,
    )  # fmt: skip
    movie = simulate_movie(settings)
    write_movie(tmp_path / "movie.tiff", movie, "tiff")
    write_gain(tmp_path / "gain.mrc", movie.gain, 1.2)
    (tmp_path / "movies.star").write_text(MOVIES_STAR)
    command = [PROGRAM, "--i", "movies.star", "--o", "mc/", "--use_own", "--gainref", "gain.mrc", "--j", "2"]
    command += ["--dose_weighting", "--dose_per_frame", "4.0", "--save_noDW"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=300)

    with open_movie(tmp_path / "movie.tiff") as file:
        gain = read_gain(tmp_path / "gain.mrc", height_px=704, width_px=832)
        prepared = prepare_movie(file, gain=gain, binning=choose_binning(1.2), threads=1)
    field = align_frames(
        prepared.binned, binning=prepared.binned.binning, width_px=832, height_px=704,
        pixel_size_a=1.2, dose_per_frame_e_per_a2=4.0,
    )  # fmt: skip
    header = MotionHeader("movie.tiff", 12, 1, 1.0, 4.0, 0.0, 300.0, gain="gain.mrc")
    polynomial_px = fit_polynomial(field)[0] if field.local_nodes_a is not None else None
    write_motion_star(tmp_path / "ours.star", header, field, polynomial_px)

    ours, theirs = global_track(tmp_path / "ours.star"), global_track(tmp_path / "mc" / "movie.star")
    assert np.abs(theirs[-1]).max() > 8.0, "the movie must move for this test to mean anything"
    assert np.sqrt(((ours - theirs) ** 2).sum(-1).mean()) < 0.8

    sums = sum_frames(
        prepared,
        field,
        pixel_size_a=1.2,
        voltage_kv=300.0,
        dose_per_frame_e_per_a2=4.0,
        unweighted=True,
        threads=1,
    )
    assert sums.unweighted is not None
    inner = (slice(64, -64), slice(64, -64))
    for our_image, name in ((sums.unweighted, "movie_noDW.mrc"), (sums.micrograph, "movie.mrc")):
        relion_image = np.asarray(read_mrc(tmp_path / "mc" / name).data, dtype=np.float64)[inner]
        a = np.asarray(our_image, dtype=np.float64)[inner]
        assert np.corrcoef(a.ravel(), relion_image.ravel())[0, 1] > 0.8
        assert a.std() == pytest.approx(relion_image.std(), rel=0.2)
        assert a.mean() == pytest.approx(relion_image.mean(), rel=0.02)
