"""RELION's Bayesian polishing takes movies, gain, motion and particles of an export as they are."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.relion.test_exports import DIAMETER_A, exported

from frazil.formats.mrc import read_mrc, write_mrc
from frazil.formats.star import read_star, write_star
from frazil.formats.star_table import StarTable

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = [
    pytest.mark.relion,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("relion_motion_refine") is None, reason="RELION is not installed"),
]


@pytest.fixture(scope="module")
def export(virtual_movies: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(
        tmp_path_factory.mktemp("polish"),
        str(virtual_movies / "*.tiff"),
        dose_per_movie_e_per_a2=30.0,
        gain_path=str(virtual_movies / "gain.mrc"),
        box_size_px=96,
        particle_pixel_size_a=2.0,
    )


def test_polished_particles_are_those_that_were_exported(export: Path) -> None:
    write_references(export)
    (export / "polish").mkdir()
    command = [
        "relion_motion_refine",
        *("--i", "halves.star", "--f", "fsc.star", "--m1", "half.mrc", "--m2", "half.mrc"),
        *("--mask", "mask.mrc", "--corr_mic", "corrected_micrographs.star", "--o", "polish/"),
        *("--s_vel", "0.5", "--s_div", "5000", "--s_acc", "2", "--combine_frames"),
    ]
    # It complains where there is no Ghostscript for its PDF, which is not our business.
    done = subprocess.run(command, cwd=export, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    ours = keyed_images(export, "particles.star")
    theirs = keyed_images(export, "polish/shiny.star")
    assert set(theirs) == set(ours) and len(ours) > 10
    correlations = [low_correlation(image, ours[key]) for key, image in theirs.items()]
    # Different weights of frames, the same particles: noise of other frames would give nothing.
    assert np.median(correlations) > 0.5, correlations


def write_references(export: Path) -> None:
    """Write what refinement would have made: halves, maps, mask and their Fourier shell correlation."""
    table = read_star(export / "particles.star")
    particles = dict(table["particles"].columns)
    count = len(table["particles"])
    particles["rlnRandomSubset"] = [1 + row % 2 for row in range(count)]
    particles |= {name: np.zeros(count) for name in ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")}
    write_star(export / "halves.star", {"optics": table["optics"], "particles": particles})
    box, pixel_a = (
        int(table["optics"].integers("rlnImageSize")[0]),
        table["optics"].numbers("rlnImagePixelSize")[0],
    )
    z, y, x = np.mgrid[:box, :box, :box] - box // 2
    radius_a = np.sqrt(x * x + y * y + z * z) * pixel_a
    shell = np.exp(-(((radius_a - 50.0) / 8.0) ** 2)).astype(np.float32)
    inside = (radius_a < DIAMETER_A / 2 + 10).astype(np.float32)
    write_mrc(export / "half.mrc", shell, pixel_a, depth="float32", volume=True)
    write_mrc(export / "mask.mrc", inside, pixel_a, depth="float32", volume=True)
    rings = np.arange(box // 2 + 1)
    general = {"rlnFinalResolution": [10.0], "rlnRandomiseFrom": [20.0]}
    fsc = {
        "rlnSpectralIndex": rings,
        "rlnResolution": rings / (box * pixel_a),
        "rlnFourierShellCorrelationCorrected": np.clip(1.0 - rings / 20.0, 0.0, 1.0),
    }
    write_star(export / "fsc.star", {"general": StarTable(general, is_loop=False), "fsc": fsc})


def keyed_images(export: Path, star: str) -> dict[tuple[Any, ...], NDArray[np.float32]]:
    """Images by micrograph and coordinates."""
    table = read_star(export / star)["particles"]
    columns = zip(
        table.texts("rlnMicrographName"),
        table.numbers("rlnCoordinateX"),
        table.numbers("rlnCoordinateY"),
        table.texts("rlnImageName"),
        strict=True,
    )
    images = {}
    for micrograph, x, y, name in columns:
        index, _, stack = name.partition("@")
        images[micrograph, x, y] = read_mrc(export / stack).data[int(index) - 1].astype(np.float32)
    return images


def low_correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Correlation up to a tenth of the sampling frequency, without the mean."""
    frequency = np.hypot(np.fft.fftfreq(a.shape[0])[:, None], np.fft.fftfreq(a.shape[1])[None, :])
    band = (frequency < 0.1) & (frequency > 0.005)
    fa, fb = np.fft.fft2(a)[band], np.fft.fft2(b)[band]
    return float((fa * fb.conj()).real.sum() / np.sqrt((np.abs(fa) ** 2).sum() * (np.abs(fb) ** 2).sum()))
