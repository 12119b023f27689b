"""Real spectra against CTFFIND's values, real micrographs, and virtual ones against their truth."""

from __future__ import annotations

import re
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from frazil.compute.ctf.estimate import estimate_ctf
from frazil.compute.ctf.spectra import periodograms_of_micrograph, spectrum_of_file_image
from frazil.microscope import ExposureSettings, simulate_micrograph
from frazil.model.optics import Optics

DATA = Path(__file__).parents[4] / "shared" / "data"
SPECTRA = DATA / "betagal-empiar10204"
MICROGRAPHS = DATA / "apoferritin-empiar10146" / "micrographs"


@pytest.mark.skipif(not SPECTRA.exists(), reason="real spectra (EMPIAR-10204) are not beside the repository")
def test_real_spectra_agree_with_ctffind() -> None:
    optics = Optics(voltage_kv=200.0, cs_mm=1.4, amplitude_contrast=0.1)
    differences = []
    for line in (SPECTRA / "meta" / "micrographs_ctf.star").read_text().splitlines():
        found = re.match(r"\S+/(\S+)\.mrc\s+1\s+\S+\s+(.*)", line)
        if found is None:
            continue
        u, v, _, angle, score, resolution = (float(word) for word in found[2].split())
        image = np.asarray(mrcfile.read(SPECTRA / "ps" / f"{found[1]}_PS.mrc"), dtype=np.float32)
        fit = estimate_ctf(spectrum_of_file_image(image, 1.3996), optics)
        assert not fit.doubtful
        assert fit.astigmatism_a == pytest.approx(u - v, abs=100.0)
        assert (fit.astigmatism_angle_deg - angle + 90.0) % 180.0 - 90.0 == pytest.approx(0.0, abs=6.0)
        assert fit.fit_resolution_a == pytest.approx(resolution, rel=0.15)
        assert fit.score == pytest.approx(score, rel=0.05)
        differences.append(abs(fit.defocus_mean_a - 0.5 * (u + v)))
    assert len(differences) == 6
    assert max(differences) < 60.0
    assert np.median(differences) < 25.0


@pytest.mark.skipif(not MICROGRAPHS.exists(), reason="real micrographs are not beside the repository")
def test_the_drifted_micrograph_stands_out() -> None:
    optics = Optics(voltage_kv=300.0, cs_mm=2.7, amplitude_contrast=0.1)
    for path in sorted(MICROGRAPHS.glob("*.mrc")):
        image = np.asarray(mrcfile.read(path), dtype=np.float32)
        fit = estimate_ctf(periodograms_of_micrograph(image, 1.5), optics)
        if "06.09.02" in path.name:
            assert fit.doubtful
            assert not fit.has_rings or fit.fit_resolution_a > 10.0
        else:
            assert not fit.doubtful
            assert fit.score > 0.05
            assert fit.fit_resolution_a < 6.0
            assert 14_000 < fit.defocus_mean_a < 27_000


def test_a_virtual_micrograph() -> None:
    settings = ExposureSettings(
        height_px=1024,
        width_px=1200,
        pixel_size_a=1.1,
        frames=20,
        dose_per_frame_e_per_a2=2.0,
        defocus_u_a=13_200.0,
        defocus_v_a=12_400.0,
        astigmatism_angle_deg=-35.0,
        seed=77,
        noise_seed=78,
    )
    micrograph = simulate_micrograph(settings)
    spectra = periodograms_of_micrograph(micrograph.image, settings.pixel_size_a)
    fit = estimate_ctf(spectra, settings.optics)
    assert not fit.doubtful
    assert fit.defocus_u_a == pytest.approx(13_200.0, abs=60.0)
    assert fit.defocus_v_a == pytest.approx(12_400.0, abs=60.0)
    assert fit.astigmatism_angle_deg == pytest.approx(-35.0, abs=4.0)


def test_blanked_beam_says_so() -> None:
    settings = ExposureSettings(height_px=512, width_px=512, pixel_size_a=1.1, dead=True, seed=5)
    image = simulate_micrograph(settings).image
    fit = estimate_ctf(periodograms_of_micrograph(image, 1.1), settings.optics)
    assert not fit.has_rings
    assert fit.note
