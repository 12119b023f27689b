"""RELION 3.1.3 takes an export as it is: it reads every table, and what it makes of them is what we made."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.relion.test_session_tables import read_table, relion

from frazil.app import adopt, exports
from frazil.app.access import SERVER
from frazil.app.config import ServerConfig
from frazil.app.hub import Hub
from frazil.app.process import process
from frazil.app.process_request import ProcessRequest
from frazil.cli.progress import PlainReporter
from frazil.engine.inline import InlineExecutor
from frazil.formats.mrc import read_mrc, write_mrc
from frazil.formats.star import read_star, write_star
from frazil.model.settings import Settings, with_values
from frazil.stages.export.request import CONTENTS, ExportRequest

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = [
    pytest.mark.relion,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("relion_refine") is None, reason="RELION is not installed"),
]

DIAMETER_A = 128.0
PIXEL_A = 2.0
VALUES = {
    "pixel_size_a": PIXEL_A,
    "voltage_kv": 300.0,
    "particle_diameter_min_a": DIAMETER_A,
    "particle_diameter_max_a": DIAMETER_A,
    "class_count": 2,
    # Averages end at this resolution, and the mask takes the last rings with it: it has to lie well beyond
    # the 12 Å up to which RELION's averages are compared with ours.
    "final_resolution_a": 8.0,
    # By default it comes from the session's identity, which is another one in every run.
    "random_seed": 7,
    "max_ctf_resolution_a": 30.0,
}


ANEW_PX, ANEW_A = 140, 2.8
"""A box that is larger than the session's, and its images' pixel: 100 of them."""


def exported(folder: Path, pattern: str, **values: object) -> Path:
    """Process movies, take the session over by a server, export it for RELION; returns the export.

    Beside it lies ``anew``, with particles that were cut out again around the centres of their classes.
    """
    session = folder / "s"
    settings = with_values(Settings(), {**VALUES, **values})
    is_movie = settings.session.kind == "movies"
    request = ProcessRequest([pattern], session, settings, device="cpu", classify=not is_movie)
    result = process(request, PlainReporter(), lambda _workers, _threads: InlineExecutor(eager=True))
    assert result.exit_status == 0, (result.failed, result.problems)
    hub = Hub(
        ServerConfig(data_folder=folder / "data", roots=(folder.parent,), device="cpu"),
        executor=InlineExecutor(eager=True),
    )
    try:
        number = adopt.adopt(hub, SERVER, str(session))["id"]
        wanted = ExportRequest(contents=CONTENTS, image_depth="float32", files="copy")
        exports.start_export(hub, SERVER, number, wanted, "relion")
        done = exports.show_export(hub, SERVER, number, 1)
        if not is_movie:
            change = {"box_px": ANEW_PX, "pixel_size_a": ANEW_A, "recenter": True}
            exports.start_export(hub, SERVER, number, wanted.model_copy(update=change), "anew")
            anew = exports.show_export(hub, SERVER, number, 2)
            assert anew["state"] == "done", anew["reason"]
    finally:
        hub.close()
    assert done["state"] == "done", done["reason"]
    return Path(done["path"])


@pytest.fixture(scope="module")
def export(virtual_micrographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(tmp_path_factory.mktemp("export"), str(virtual_micrographs / "*.mrc"), kind="micrographs")


def test_every_table_is_read(export: Path) -> None:
    for star, block in (
        ("corrected_micrographs.star", "micrographs"),
        ("micrographs_ctf.star", "micrographs"),
        ("autopick.star", "coordinate_files"),
        ("particles.star", "particles"),
        ("particles.star", "optics"),
        ("class2d/run_it000_model.star", "model_classes"),
        ("class2d/run_it000_model.star", "model_groups"),
        ("class2d/run_it000_data.star", "particles"),
    ):
        assert read_table(export, star, f"data_{block}") == len(read_star(export / star)[block])


def test_relion_extracts_the_same_particles_from_exported_picks(export: Path) -> None:
    ours = read_mrc(export / "particles" / "movie_0001.mrcs")
    picks = export / "picked" / "micrographs"
    picks.mkdir(parents=True)
    shutil.copy(export / "picks" / "movie_0001.star", picks / "movie_0001_picks.star")
    size = ours.data.shape[-1]
    same_as_relion(export, round(size * (ours.pixel_size_a or 0.0) / PIXEL_A), size)


def test_relion_extracts_the_same_particles_with_a_new_box_and_pixel(export: Path) -> None:
    anew = export.parent / "anew"
    table = read_star(anew / "particles.star")
    assert table["optics"].integers("rlnImageSize").tolist() == [100]
    assert table["optics"].numbers("rlnImagePixelSize").tolist() == pytest.approx([ANEW_A])
    # Around the centres of the classes, which no file of picks has.
    picks = anew / "picked" / "micrographs"
    picks.mkdir(parents=True)
    mine = [row for row, name in enumerate(table["particles"].texts("rlnMicrographName")) if "_0001" in name]
    columns = {name: table["particles"].numbers(name)[mine] for name in ("rlnCoordinateX", "rlnCoordinateY")}
    write_star(picks / "movie_0001_picks.star", {"": columns})
    same_as_relion(anew, ANEW_PX, 100)


def same_as_relion(export: Path, box: int, size: int) -> None:
    """RELION's images around the coordinates in ``picked/`` are those of the export."""
    table = read_star(export / "particles.star")["particles"]
    ours = read_mrc(export / "particles" / "movie_0001.mrcs")
    assert ours.data.shape[-1] == size
    relion(
        export,
        "preprocess",
        *("--i", "micrographs_ctf.star", "--coord_dir", "picked/", "--coord_suffix", "_picks.star"),
        *("--part_dir", "extract/", "--part_star", "extract/particles.star", "--extract"),
        *("--extract_size", str(box), "--scale", str(size), "--norm", "--invert_contrast"),
        *("--bg_radius", str(size // 2 - 4)),
    )
    theirs = read_star(export / "extract" / "particles.star")["particles"]
    place = {
        (x, y): name.partition("@")
        for x, y, name in zip(
            theirs.numbers("rlnCoordinateX"),
            theirs.numbers("rlnCoordinateY"),
            theirs.texts("rlnImageName"),
            strict=True,
        )
    }
    correlations, away_px = [], []
    for row, name in enumerate(table.texts("rlnMicrographName")):
        key = (table.numbers("rlnCoordinateX")[row], table.numbers("rlnCoordinateY")[row])
        if "movie_0001" in name:
            number, _, stack = place.pop(key)
            our = ours.data[int(table.texts("rlnImageName")[row].partition("@")[0]) - 1]
            their = read_mrc(export / stack).data[int(number) - 1]
            correlations.append(float(np.corrcoef(our.ravel(), their.ravel())[0, 1]))
            away_px.append(offset_px(our, their))
    assert not place
    assert len(correlations) >= 8
    # Boxes that stick out of the micrograph as well.
    assert min(correlations) >= 0.99
    assert max(away_px) < 0.5


def offset_px(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """How far the second image lies from the first: slope of the phase of their cross-spectrum."""
    size = a.shape[-1]
    cross = np.fft.fft2(a) * np.fft.fft2(b).conj()
    ky, kx = (2 * np.pi * np.fft.fftfreq(size)[:, None], 2 * np.pi * np.fft.fftfreq(size)[None, :])
    weight = np.abs(cross) * (np.hypot(kx, ky) < np.pi / 4)
    kxs, kys = (np.broadcast_to(k, cross.shape) for k in (kx, ky))
    rows = np.stack([kxs.ravel(), kys.ravel()]) * np.sqrt(weight.ravel())
    x, y = np.linalg.lstsq(rows.T, np.angle(cross).ravel() * np.sqrt(weight.ravel()), rcond=None)[0]
    return float(np.hypot(x, y))


def test_relion_makes_our_averages_of_our_angles_and_shifts(export: Path) -> None:
    classes = read_mrc(export / "class2d" / "run_it000_classes.mrcs")
    table = read_star(export / "particles.star")
    of_class = table["particles"].integers("rlnClassNumber")
    fullest = int(np.bincount(of_class)[1:].argmax()) + 1
    mine = of_class == fullest
    some = {
        name: [value for value, own in zip(column, mine, strict=True) if own]
        for name, column in table["particles"].columns.items()
    }
    some["rlnClassNumber"] = [1] * int(mine.sum())
    write_star(export / "fullest.star", {"optics": table["optics"], "particles": some})
    pixel_a = table["optics"].numbers("rlnImagePixelSize")[0]
    write_mrc(export / "fullest.mrc", classes.data[fullest - 1], pixel_a, depth="float32")
    (export / "job").mkdir()
    relion(
        export,
        "refine",
        *("--i", "fullest.star", "--o", "job/run", "--iter", "1", "--K", "1", "--ctf", "--skip_align"),
        *("--ref", "fullest.mrc", "--particle_diameter", str(DIAMETER_A + 12), "--zero_mask"),
        *("--tau2_fudge", "20", "--pad", "2", "--norm", "--scale"),
    )
    theirs = read_mrc(export / "job" / "run_it001_classes.mrcs").data
    ours = classes.data[fullest - 1]
    frc = ring_correlation(ours, theirs if theirs.ndim == 2 else theirs[0], pixel_a)
    resolution_a = ours.shape[-1] * pixel_a / np.arange(1, frc.size + 1)
    assert frc[resolution_a > 12.0].min() > 0.9, frc


@pytest.mark.parametrize("name", ["relion", "anew"])
def test_relion_classifies_with_our_averages(export: Path, name: str) -> None:
    """Also particles that were cut out anew: the averages came to their box and pixel."""
    export = export.parent / name
    (export / "job2").mkdir()
    classes = read_mrc(export / "class2d" / "run_it000_classes.mrcs")
    relion(
        export,
        "refine",
        *("--i", "particles.star", "--o", "job2/run", "--iter", "1", "--ctf"),
        # Of a stack RELION takes the first average for all classes.
        *("--ref", "class2d/run_it000_model.star", "--ini_high", "0.01"),
        *("--particle_diameter", str(DIAMETER_A + 12), "--zero_mask", "--oversampling", "0"),
        *("--psi_step", "12", "--offset_range", "2", "--offset_step", "2", "--norm", "--scale", "--pad", "1"),
    )
    begun = read_mrc(export / "job2" / "run_it000_classes.mrcs").data
    for mine, taken in zip(classes.data, begun, strict=True):
        assert np.corrcoef(mine.ravel(), taken.ravel())[0, 1] > 0.95
    assert np.corrcoef(classes.data[0].ravel(), begun[1].ravel())[0, 1] < 0.95
    theirs = read_star(export / "job2" / "run_it001_data.star")["particles"]
    ours = read_star(export / "particles.star")
    assert len(theirs) == len(ours["particles"])
    assert [classes.data.shape[-1]] == ours["optics"].integers("rlnImageSize").tolist()
    assert classes.pixel_size_a == pytest.approx(ours["optics"].numbers("rlnImagePixelSize")[0])


@pytest.mark.parametrize("name", ["relion", "anew"])
def test_relion_continues_as_if_it_had_made_the_classes(export: Path, name: str) -> None:
    """Also where particles and averages have another box and pixel than in the session."""
    export = export.parent / name
    (export / "job3").mkdir()
    relion(
        export,
        "refine",
        *("--continue", "class2d/run_it000_optimiser.star", "--o", "job3/run", "--iter", "2", "--pad", "1"),
    )
    theirs = read_star(export / "job3" / "run_it002_data.star")["particles"]
    assert len(theirs) == len(read_star(export / "particles.star")["particles"])
    ours = read_mrc(export / "class2d" / "run_it000_classes.mrcs")
    averages = read_mrc(export / "job3" / "run_it002_classes.mrcs").data
    assert averages.shape == ours.data.shape
    for mine, continued in zip(ours.data, averages, strict=True):
        frc = ring_correlation(mine, continued, ours.pixel_size_a or 0.0)
        resolution_a = mine.shape[-1] * (ours.pixel_size_a or 0.0) / np.arange(1, frc.size + 1)
        assert frc[resolution_a > 30.0].mean() > 0.9, frc


def ring_correlation(a: NDArray[np.float32], b: NDArray[np.float32], pixel_a: float) -> NDArray[np.float64]:
    """Fourier ring correlation of two images within the particle's circle, from ring 1."""
    size = a.shape[-1]
    y, x = np.mgrid[:size, :size] - size // 2
    # A soft edge: a sharp one would correlate by itself.
    edge = np.clip((DIAMETER_A / 2 + 12 - np.hypot(x, y) * pixel_a) / 24.0, 0.0, 1.0)
    fa, fb = (np.fft.fft2((image - image[edge > 0].mean()) * edge) for image in (a, b))
    ring = np.rint(np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None, :]) * size).astype(int)

    def total(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.bincount(ring.ravel(), values.ravel())[1 : size // 2].astype(np.float64)

    power = [total(np.abs(f) ** 2) for f in (fa, fb)]
    correlation: NDArray[np.float64] = total((fa * fb.conj()).real) / np.sqrt(power[0] * power[1])
    return correlation
