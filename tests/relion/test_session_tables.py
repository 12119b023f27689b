"""RELION 3.1.3 reads a session's tables and stacks, cuts the same particles, and means the same shifts."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.app.process import process
from frazil.app.process_request import ProcessRequest
from frazil.cli.progress import PlainReporter
from frazil.engine.inline import InlineExecutor
from frazil.formats.mrc import read_mrc
from frazil.formats.star import read_star
from frazil.model.settings import Settings, with_values

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.formats.star import StarTable

    Floats = NDArray[np.float64]

pytestmark = [
    pytest.mark.relion,
    pytest.mark.skipif(shutil.which("relion_refine") is None, reason="RELION is not installed"),
]

DIAMETER_A = 128.0
PIXEL_A = 2.0


def relion(session: Path, program: str, *arguments: str) -> str:
    """Run one of RELION's programs in the session folder, as its project."""
    done = subprocess.run(
        [f"relion_{program}", *arguments],
        cwd=session,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "ERROR" not in done.stderr, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def session(virtual_micrographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("relion") / "s"
    settings = with_values(
        Settings(),
        {
            "kind": "micrographs",
            "pixel_size_a": PIXEL_A,
            "voltage_kv": 300.0,
            "particle_diameter_min_a": DIAMETER_A,
            "particle_diameter_max_a": DIAMETER_A,
            "class_count": 2,
            "final_resolution_a": 12.0,
            "max_ctf_resolution_a": 30.0,
            "output_depth": "float32",
        },
    )
    movies = [str(virtual_micrographs / "*.mrc")]
    for classify in (False, True):
        request = ProcessRequest(movies, folder, settings, device="cpu", classify=classify)
        result = process(request, PlainReporter(), lambda _workers, _threads: InlineExecutor(eager=True))
        assert result.exit_status == 0, (result.failed, result.problems)
        if not classify:
            shutil.copy(folder / "relion" / "particles.star", folder / "unclassified.star")
    return folder


def read_table(session: Path, star: str, block: str) -> int:
    """Number of rows that RELION prints of a table."""
    return len(relion(session, "star_printtable", star, block).strip().splitlines())


@pytest.mark.slow
def test_every_table_is_read(session: Path) -> None:
    assert read_table(session, "relion/corrected_micrographs.star", "data_micrographs") == 2
    assert read_table(session, "relion/micrographs_ctf.star", "data_micrographs") == 2
    assert read_table(session, "relion/autopick.star", "data_coordinate_files") == 2
    particles = read_star(session / "relion" / "particles.star")["particles"]
    assert read_table(session, "relion/particles.star", "data_particles") == len(particles)
    assert read_table(session, "relion/particles.star", "data_optics") == 1
    picks = read_star(session / "picks" / "movie_0001.star")[""]
    assert read_table(session, "picks/movie_0001.star", "data_") == len(picks)


@pytest.mark.slow
def test_every_image_is_read(session: Path) -> None:
    images = [
        "micrographs/movie_0001.mrc",
        "relion/classes.mrcs",
        "particles/movie_0001.mrcs",
        "ctf/movie_0001.mrc",
    ]
    for image in images:
        printed = relion(session, "image_handler", "--i", image, "--stats")
        data = read_mrc(session / image).data
        first = data if data.ndim == 2 else data[0]
        assert f"{first.shape[1]} x {first.shape[0]}" in printed
        average = float(printed.split("avg=")[1].split()[0])
        assert average == pytest.approx(float(first.mean()), abs=2e-3 * max(1.0, abs(float(first.mean()))))


@pytest.mark.slow
def test_one_iteration_of_refinement_runs(session: Path) -> None:
    (session / "refine").mkdir()
    relion(
        session,
        "refine",
        *("--i", "relion/particles.star", "--o", "refine/run", "--iter", "1", "--K", "2", "--ctf"),
        *("--particle_diameter", "140", "--flatten_solvent", "--zero_mask", "--oversampling", "0"),
        *("--psi_step", "24", "--offset_range", "2", "--offset_step", "2", "--norm", "--scale", "--pad", "1"),
    )
    rows = read_star(session / "refine" / "run_it001_data.star")["particles"]
    assert len(rows) == len(read_star(session / "relion" / "particles.star")["particles"])


@pytest.mark.slow
def test_relion_extracts_the_same_particles(session: Path) -> None:
    ours = read_mrc(session / "particles" / "movie_0001.mrcs")
    table = read_star(session / "relion" / "particles.star")["particles"]
    mine = [i for i, name in enumerate(table.texts("rlnMicrographName")) if "movie_0001" in name]
    box = round(ours.data.shape[-1] * (ours.pixel_size_a or 0.0) / PIXEL_A)
    (session / "job" / "micrographs").mkdir(parents=True)
    shutil.copy(
        session / "picks" / "movie_0001.star", session / "job" / "micrographs" / "movie_0001_picks.star"
    )
    relion(
        session,
        "preprocess",
        *("--i", "relion/micrographs_ctf.star", "--coord_dir", "job/", "--coord_suffix", "_picks.star"),
        *(
            "--part_dir",
            "extract/",
            "--part_star",
            "extract/particles.star",
            "--extract",
            "--extract_size",
            str(box),
        ),
        *("--scale", str(ours.data.shape[-1]), "--norm", "--bg_radius", str(ours.data.shape[-1] // 2 - 4)),
        "--invert_contrast",
    )
    theirs = read_star(session / "extract" / "particles.star")["particles"]
    place = {
        (x, y): name
        for x, y, name in zip(
            theirs.numbers("rlnCoordinateX"),
            theirs.numbers("rlnCoordinateY"),
            theirs.texts("rlnImageName"),
            strict=True,
        )
    }
    correlations = []
    for i in mine:
        key = (table.numbers("rlnCoordinateX")[i], table.numbers("rlnCoordinateY")[i])
        if key not in place:
            continue  # RELION skips boxes that leave the micrograph; we keep those that leave it a little.
        number, _, stack = place[key].partition("@")
        their_stack = read_mrc(session / stack).data
        their = their_stack[int(number) - 1] if their_stack.ndim == 3 else their_stack
        our = ours.data[int(table.texts("rlnImageName")[i].partition("@")[0]) - 1]
        correlations.append(float(np.corrcoef(our.ravel(), their.ravel())[0, 1]))
    assert len(correlations) >= 8
    assert np.median(correlations) > 0.99
    # At the border RELION repeats the edge and we fill with noise: a few are less alike.
    assert np.percentile(correlations, 20) > 0.98


@pytest.mark.slow
def test_shifts_point_to_the_true_particles_and_relion_recentres_by_them(
    session: Path, virtual_micrographs: Path
) -> None:
    table = read_star(session / "relion" / "particles.star")["particles"]
    # The rest of a pick on whole pixels is exact, and its sign shows. After classification the picks are as
    # good as the shifts of a class of forty: there `tests/app/test_classify_shifts.py` proves the sign.
    picked = read_star(session / "unclassified.star")["particles"]
    right, wrong = (np.median(distances_a(picked, virtual_micrographs, sign)) for sign in (-1, 1))
    assert right < 3.0
    assert right < 0.75 * wrong
    assert np.median(distances_a(table, virtual_micrographs, -1)) < 3.0
    relion(
        session,
        "preprocess",
        *(
            "--i",
            "relion/micrographs_ctf.star",
            "--reextract_data_star",
            "relion/particles.star",
            "--recenter",
        ),
        *("--part_dir", "again/", "--part_star", "again/particles.star", "--extract", "--extract_size", "96"),
    )
    again = read_star(session / "again" / "particles.star")["particles"]
    assert len(again)
    x, y = centres_px(table, -1)
    for their_x, their_y in zip(*centres_px(again, -1), strict=True):
        assert np.hypot(x - their_x, y - their_y).min() < 0.01


def centres_px(table: StarTable, sign: int) -> tuple[Floats, Floats]:
    """Coordinate plus ``sign`` times origin; the true centre is coordinate minus origin."""
    x = table.numbers("rlnCoordinateX") + sign * table.numbers("rlnOriginXAngst") / PIXEL_A
    y = table.numbers("rlnCoordinateY") + sign * table.numbers("rlnOriginYAngst") / PIXEL_A
    return x, y


def distances_a(table: StarTable, folder: Path, sign: int) -> Floats:
    """Distance of each particle's centre from the nearest true one, Å."""
    result = np.full(len(table), np.nan)
    names = np.array(table.texts("rlnMicrographName"))
    x, y = centres_px(table, sign)
    for name in np.unique(names):
        stem = str(name).rsplit("/", 1)[-1].removesuffix(".mrc")
        true = json.loads((folder / "truth" / f"{stem}.json").read_text())["particles"]
        mine = names == name
        away = np.hypot(x[mine, None] - np.array(true["x_px"]), y[mine, None] - np.array(true["y_px"]))
        result[mine] = away.min(axis=1) * PIXEL_A
    return result
