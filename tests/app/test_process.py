"""``frazil process`` on virtual data: everything comes out, bad input stops nobody, nothing is done twice."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from frazil.app.process import process
from frazil.app.process_request import ProcessRequest, ProcessResult
from frazil.engine.inline import InlineExecutor
from frazil.formats.mrc import read_mrc, write_mrc
from frazil.formats.star import read_star
from frazil.model.errors import InputError
from frazil.model.settings import Settings, with_values
from frazil.stages.record import MovieRecord

if TYPE_CHECKING:
    from pathlib import Path

MICROGRAPHS: dict[str, object] = {
    "kind": "micrographs",
    "pixel_size_a": 2.0,
    "voltage_kv": 300.0,
    "particle_diameter_min_a": 128.0,
    "particle_diameter_max_a": 128.0,
    "class_count": 2,
    "final_resolution_a": 12.0,
    "max_ctf_resolution_a": 30.0,
}


class Listener:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.movies: dict[str, tuple[str, bool]] = {}
        self.counts = (0, 0)

    def message(self, text: str) -> None:
        self.messages.append(text)

    def problem(self, text: str) -> None:
        self.messages.append(text)

    def begin(self, movies: int, already_done: int) -> None:
        self.counts = (movies, already_done)

    def movie(self, name: str, summary: str, *, failed: bool) -> None:
        self.movies[name] = (summary, failed)

    def end(self) -> None:
        pass


def run(
    patterns: list[Path | str], session: Path, values: dict[str, Any], *, classify: bool = False
) -> tuple[ProcessResult, Listener]:
    listener = Listener()
    request = ProcessRequest(
        [str(p) for p in patterns], session, with_values(Settings(), values), device="cpu", classify=classify
    )
    return process(request, listener, lambda _workers, _threads: InlineExecutor(eager=True)), listener


def record(session: Path, name: str) -> MovieRecord:
    return MovieRecord.model_validate_json((session / "records" / f"{name}.json").read_bytes())


def parts(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".*") if path.name.endswith(".part")]


def stamps(session: Path, pattern: str) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in session.glob(pattern)}


@pytest.fixture(scope="module")
def finished(virtual_micrographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session with two micrographs, processed and classified."""
    session = tmp_path_factory.mktemp("session") / "s"
    result, _ = run([virtual_micrographs / "*.mrc"], session, MICROGRAPHS, classify=True)
    assert result.exit_status == 0, (result.failed, result.problems)
    return session


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished session to play with."""
    shutil.copytree(finished, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"


@pytest.mark.slow
def test_all_tables_and_products_are_there(finished: Path, virtual_micrographs: Path) -> None:
    corrected = read_star(finished / "relion" / "corrected_micrographs.star")
    fitted = read_star(finished / "relion" / "micrographs_ctf.star")
    picked = read_star(finished / "relion" / "autopick.star")["coordinate_files"]
    particles = read_star(finished / "relion" / "particles.star")
    names = corrected["micrographs"].texts("rlnMicrographName")
    assert names == ["micrographs/movie_0001.mrc", "micrographs/movie_0002.mrc"]
    assert corrected["optics"].numbers("rlnMicrographPixelSize").tolist() == [2.0]
    truth = [json.loads(p.read_text()) for p in sorted((virtual_micrographs / "truth").glob("*.json"))]
    defocus = fitted["micrographs"].numbers("rlnDefocusU")
    for found, true in zip(defocus, truth, strict=True):
        assert abs(found - true["settings"]["defocus_u_a"]) < 300.0
    table = particles["particles"]
    assert set(table.texts("rlnMicrographName")) <= set(names)
    picks = []
    for micrograph, star in zip(
        picked.texts("rlnMicrographName"), picked.texts("rlnMicrographCoordinates"), strict=True
    ):
        assert micrograph in names
        places = read_star(finished / star)[""]
        x, y = places.numbers("rlnCoordinateX"), places.numbers("rlnCoordinateY")
        assert (x == np.rint(x)).all()
        picks += [(micrograph, *place) for place in zip(x, y, strict=True)]
    # One particle for each pick: RELION would cut out the others, too, whatever is outside.
    columns = [table.numbers(f"rlnCoordinate{axis}") for axis in "XY"]
    assert sorted(picks) == sorted(zip(table.texts("rlnMicrographName"), *columns, strict=True))
    for name in table.texts("rlnImageName"):
        number, _, stack = name.partition("@")
        assert 1 <= int(number) <= len(read_mrc(finished / stack).data)
    assert set(table.integers("rlnClassNumber")) <= {0, 1, 2}
    classes = read_mrc(finished / "relion" / "classes.mrcs")
    assert classes.data.shape[0] == 2
    assert classes.pixel_size_a == pytest.approx(
        particles["optics"].numbers("rlnImagePixelSize")[0], rel=1e-5
    )
    assert (finished / "classes" / "run001" / "update001" / "classes.jpg").exists()
    for kind in ("preview", "thumbnail", "picks", "spectrum", "profile"):
        assert (finished / "pictures" / f"movie_0001.{kind}.jpg").stat().st_size > 1000
    assert not parts(finished)


@pytest.mark.slow
def test_picks_lie_on_the_true_particles(finished: Path, virtual_micrographs: Path) -> None:
    table = read_star(finished / "relion" / "particles.star")["particles"]
    mine = np.array(table.texts("rlnMicrographName")) == "micrographs/movie_0001.mrc"
    true = json.loads((virtual_micrographs / "truth" / "movie_0001.json").read_text())["particles"]
    x_true, y_true = np.array(true["x_px"]), np.array(true["y_px"])
    # Before rounding and after classification: coordinate - origin / pixel is the true position.
    x = table.numbers("rlnCoordinateX")[mine]
    y = table.numbers("rlnCoordinateY")[mine]
    distance = np.hypot(x[:, None] - x_true, y[:, None] - y_true).min(axis=1)
    assert np.median(distance) * 2.0 < 8.0
    assert (distance * 2.0 < 32.0).mean() > 0.85


@pytest.mark.slow
def test_again_does_nothing(copy: Path, virtual_micrographs: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in copy.rglob("*.mrc*")}
    result, listener = run([virtual_micrographs / "*.mrc"], copy, MICROGRAPHS, classify=True)
    assert listener.counts == (0, 2)
    assert result.exit_status == 0
    assert any("classified already" in message for message in listener.messages)
    kept = {p: p.stat().st_mtime_ns for p in copy.rglob("*.mrc*") if "relion" not in p.parts}
    assert kept == {p: t for p, t in before.items() if "relion" not in p.parts}
    assert not (copy / "classes" / "run002").exists()


@pytest.mark.slow
def test_another_threshold_picks_and_extracts_again(copy: Path, virtual_micrographs: Path) -> None:
    averages, spectra = stamps(copy, "micrographs/*"), stamps(copy, "ctf/*")
    old = record(copy, "movie_0001")
    higher = old.number("pick_score_median")
    result, listener = run([virtual_micrographs / "*.mrc"], copy, {**MICROGRAPHS, "pick_threshold": higher})
    assert result.exit_status == 0
    assert listener.counts == (2, 0)
    assert stamps(copy, "micrographs/*") == averages
    assert stamps(copy, "ctf/*") == spectra
    new = record(copy, "movie_0001")
    assert new.stage("ctf") == old.stage("ctf")
    assert new.stage("pick").fingerprint != old.stage("pick").fingerprint
    assert new.number("picks") < old.number("picks")
    revisions = json.loads((copy / "session.json").read_text())["settings"]
    assert [revision["revision"] for revision in revisions] == [1, 2]


@pytest.mark.slow
def test_a_lost_product_is_made_again(copy: Path, virtual_micrographs: Path) -> None:
    lost = copy / "particles" / "movie_0002.mrcs"
    before = lost.read_bytes()
    lost.unlink()
    _, listener = run([virtual_micrographs / "*.mrc"], copy, MICROGRAPHS)
    assert listener.counts == (1, 1)
    assert lost.read_bytes() == before


@pytest.mark.slow
def test_a_damaged_record_is_made_again(copy: Path, virtual_micrographs: Path) -> None:
    (copy / "records" / "movie_0001.json").write_text("{ half")
    result, listener = run([virtual_micrographs / "*.mrc"], copy, MICROGRAPHS)
    assert listener.counts == (1, 1)
    assert result.exit_status == 0


@pytest.mark.slow
def test_bad_input_stops_nobody_else(virtual_micrographs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    good = virtual_micrographs / "movie_0001.mrc"
    shutil.copy(good, folder / "good.mrc")
    shutil.copy(virtual_micrographs / "movie_0002.mrc", folder / "good2.mrc")
    (folder / "empty.mrc").touch()
    (folder / "truncated.mrc").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    (folder / "foreign.mrc").write_text("this is no image at all\n" * 100)
    image = read_mrc(good).data
    write_mrc(folder / "smaller.mrc", image[:300, :300], 2.0, depth="float32")
    broken = image.copy()
    broken[100:120] = np.nan
    nan = bytearray(good.read_bytes())
    nan[1024:] = broken.astype(np.float32).tobytes()
    (folder / "nan.mrc").write_bytes(bytes(nan))
    write_mrc(folder / "flat.mrc", np.full_like(image, 3.0), 2.0, depth="float32")
    (folder / "dangling.mrc").symlink_to(folder / "nowhere.mrc")
    (folder / "notes.txt").write_text("left out")
    session = tmp_path / "s"
    result, listener = run([folder], session, MICROGRAPHS)
    assert result.exit_status == 1
    assert sorted(result.done) == ["good", "good2"]
    bad = {"empty", "truncated", "foreign", "smaller", "nan", "flat", "dangling"}
    assert set(result.failed) == bad
    for name in bad:
        assert f"{name}.mrc" in result.failed[name], result.failed[name]
    assert "576 x 512" in result.failed["smaller"]
    assert "300 x 300" in result.failed["smaller"]
    assert "NaN" in result.failed["nan"] or "finite" in result.failed["nan"]
    assert any("notes.txt" in message for message in listener.messages)
    assert not parts(session)
    assert not list(session.glob("micrographs/nan*"))
    # What was wrong is looked at again; what was done is not.
    shutil.copy(good, folder / "empty.mrc")
    again, listener = run([folder], session, MICROGRAPHS)
    assert sorted(again.done) == ["empty", "good", "good2"]
    assert "good" not in listener.movies


@pytest.mark.slow
def test_movies_from_frames_to_particles(virtual_movies: Path, tmp_path: Path) -> None:
    values = {
        **MICROGRAPHS,
        "kind": "movies",
        "dose_per_movie_e_per_a2": 30.0,
        "gain_path": str(virtual_movies / "gain.mrc"),
        "write_half_sums": True,
    }
    folder = tmp_path / "in"
    shutil.copytree(virtual_movies, folder)
    values["gain_path"] = str(folder / "gain.mrc")
    one = read_mrc(folder / "gain.mrc").data
    write_mrc(folder / "one_frame.mrc", one, 2.0, depth="float32")
    data = (folder / "movie_0002.tiff").read_bytes()
    (folder / "cut.tiff").write_bytes(data[: len(data) * 2 // 3])
    session = tmp_path / "s"
    result, _ = run([folder / "*"], session, values)
    assert sorted(result.done) == ["movie_0001", "movie_0002"]
    assert set(result.failed) == {"one_frame", "cut"}
    assert "one frame only" in result.failed["one_frame"]
    assert "cut.tiff" in result.failed["cut"]
    even, odd = (read_mrc(session / "micrographs" / f"movie_0001_{k}.mrc").data for k in ("even", "odd"))
    whole = read_mrc(session / "micrographs" / "movie_0001.mrc").data
    assert np.abs(even.astype(float) + odd - whole).max() < 0.05 * np.abs(whole).max()
    motion = read_star(session / "motion" / "movie_0001.star")
    assert motion["general"].texts("rlnMicrographMovieName") == ["raw/movie_0001.tiff"]
    assert (session / "raw" / "movie_0001.tiff").resolve() == (folder / "movie_0001.tiff").resolve()
    assert (session / "raw" / "gain.mrc").resolve() == (folder / "gain.mrc").resolve()
    truth = json.loads((folder / "truth" / "movie_0001.json").read_text())["motion"]["global_a"]
    shift = np.stack([motion["global_shift"].numbers(f"rlnMicrographShift{axis}") for axis in "XY"], axis=1)
    true = -(np.array(truth) - truth[0]) / 2.0
    difference = shift - true
    assert np.sqrt(((difference - difference.mean(axis=0)) ** 2).sum(1).mean()) * 2.0 < 1.5
    table = read_star(session / "relion" / "corrected_micrographs.star")["micrographs"]
    steps = np.linalg.norm(np.diff(shift, axis=0), axis=1)
    assert table.numbers("rlnAccumMotionTotal")[0] == pytest.approx(steps.sum(), abs=1e-4)
    assert not [note for note in record(session, "movie_0001").notes if "gain" in note]
    turned, _ = run([folder / "movie_0001.tiff"], tmp_path / "turned", {**values, "gain_flip_y": True})
    assert turned.done == ["movie_0001"]
    assert any("gain reference brings" in note for note in record(tmp_path / "turned", "movie_0001").notes)
    # A gain of another camera mode: every movie says so, the session stays.
    write_mrc(folder / "gain.mrc", one[:200, :200], 2.0, depth="float32")
    os.utime(folder / "gain.mrc")
    result, _ = run([folder / "movie_*.tiff"], session, values)
    assert set(result.failed) == {"movie_0001", "movie_0002"}
    assert all("384 x 320" in text and "200 x 200" in text for text in result.failed.values())


def test_nothing_to_do_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\*such.*no such file"):
        run([tmp_path / "no*such"], tmp_path / "s", MICROGRAPHS)
    (tmp_path / "x.txt").touch()
    with pytest.raises(InputError, match=r"no movie among 1 file; x\.txt is none of"):
        run([tmp_path / "x.txt"], tmp_path / "s", MICROGRAPHS)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("missing", "option"),
    [
        ("pixel_size_a", "--pixel-size-a"),
        ("voltage_kv", "--voltage-kv"),
        ("particle_diameter_min_a", "--particle-diameter-a"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, missing: str, option: str) -> None:
    left_out = {missing, "particle_diameter_max_a"} if "diameter" in missing else {missing}
    values = {name: value for name, value in MICROGRAPHS.items() if name not in left_out}
    with pytest.raises(InputError, match=option):
        run([tmp_path], tmp_path / "s", values)


def test_a_folder_with_other_things_is_no_session(tmp_path: Path) -> None:
    write_mrc(tmp_path / "a.mrc", np.eye(64, dtype=np.float32), 2.0)
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "thesis.tex").touch()
    with pytest.raises(InputError, match=r"not empty \(thesis\.tex"):
        run([tmp_path / "a.mrc"], tmp_path / "s", MICROGRAPHS)


def test_no_particles_is_said(tmp_path: Path) -> None:
    noise = np.random.default_rng(4).normal(10.0, 1.0, (512, 512)).astype(np.float32)
    write_mrc(tmp_path / "noise.mrc", noise, 2.0, depth="float32")
    result, listener = run([tmp_path / "noise.mrc"], tmp_path / "s", MICROGRAPHS, classify=True)
    assert result.done == ["noise"]
    assert result.exit_status == 1
    assert any("0 particles can't be classified" in message for message in listener.messages)
    assert not (tmp_path / "s" / "relion" / "particles.star").exists()
