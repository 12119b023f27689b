"""RELION and Frazil turn and flip a gain reference alike: all twelve combinations, through RELION itself."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import pytest
import tifffile

from frazil.formats.gain import read_gain

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
HEIGHT, WIDTH, FRAMES = 256, 320, 3
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
opticsGroup1 1 1.0 300 2.7 0.1


data_movies

loop_
_rlnMicrographMovieName #1
_rlnOpticsGroup #2
movie.tiff 1

"""


def relion_sum(folder: Path, rotation: int, flip: int) -> NDArray[np.float32]:
    """RELION's sum of the movie after its own handling of the gain."""
    assert PROGRAM is not None
    out = f"mc{rotation}{flip}"
    command = [PROGRAM, "--i", "movies.star", "--o", f"{out}/", "--use_own", "--gainref", "gain.mrc"]
    command += ["--gain_rot", str(rotation), "--gain_flip", str(flip), "--skip_defect", "--j", "1"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    with mrcfile.open(folder / out / "movie.mrc") as file:
        return np.array(file.data, dtype=np.float32)


@pytest.mark.parametrize("rotation", [0, 1, 2, 3])
@pytest.mark.parametrize("flip", [0, 1, 2])
def test_gain_orientation_is_relions(tmp_path: Path, rotation: int, flip: int) -> None:
    rng = np.random.default_rng(10 * rotation + flip)
    # Noise that is the same in all frames keeps RELION from shifting them.
    scene = rng.poisson(30, (HEIGHT, WIDTH)).astype(np.uint8)
    with tifffile.TiffWriter(tmp_path / "movie.tiff") as writer:
        for _ in range(FRAMES):
            writer.write(scene[::-1], contiguous=False)
    turned = (WIDTH, HEIGHT) if rotation % 2 else (HEIGHT, WIDTH)
    gain = rng.uniform(0.5, 1.5, turned).astype(np.float32)
    with mrcfile.new(tmp_path / "gain.mrc") as file:
        file.set_data(gain)
    (tmp_path / "movies.star").write_text(MOVIES_STAR)

    theirs = relion_sum(tmp_path, rotation, flip)
    ours = scene * read_gain(
        tmp_path / "gain.mrc",
        height_px=HEIGHT,
        width_px=WIDTH,
        rotation_deg=90 * rotation,
        flip_y=flip == 1,
        flip_x=flip == 2,
    )
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.999
