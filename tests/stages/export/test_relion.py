"""An export for RELION: every value survives, every name leads to a file, and it is whole or not there."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import starfile
import tifffile

from frazil.formats.mrc import read_mrc, write_mrc
from frazil.model.errors import InputError
from frazil.stages.export.manifest import checksum, files_of, read_manifest
from frazil.stages.export.request import CONTENTS, ExportRequest
from frazil.stages.export.run import run_export

from .world import (
    BOX_PX,
    HEIGHT_PX,
    IMAGE_PIXEL_A,
    PIXEL_A,
    WIDTH_PX,
    World,
    add_classes,
    add_products,
    coordinates,
    make_world,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL = ExportRequest(contents=CONTENTS)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path / "s")


def read(folder: Path, name: str) -> dict[str, Any]:
    """Read a STAR file by an independent reader: block to table."""
    tables: dict[str, Any] = starfile.read(folder / name, always_dict=True)
    return tables


def test_particles_keep_every_value(world: World) -> None:
    classes = add_classes(world, 5)
    task = world.prepare(ALL, classes=classes)
    result = run_export(task)
    assert result["counts"]["particles"] == 15
    blocks = read(task.final, "particles.star")
    table, optics = blocks["particles"], blocks["optics"]
    assert len(table) == 15
    for number in (1, 2, 3):
        mine = table[table.rlnMicrographName == f"micrographs/movie_{number:04d}.mrc"]
        x, y = coordinates(number, 5)
        assert mine.rlnCoordinateX.tolist() == x.tolist() and mine.rlnCoordinateY.tolist() == y.tolist()
        assert mine.rlnImageName.tolist() == [
            f"{index + 1:06d}@particles/movie_{number:04d}.mrcs" for index in range(5)
        ]
        assert (mine.rlnDefocusU == 12_000 + number).all() and (mine.rlnDefocusAngle == 30).all()
        assert mine.rlnClassNumber.tolist() == [1, 2, 3, 1, 0]
        assert mine.rlnAnglePsi.tolist() == [0, 10, 20, 30, 0]
        # Of a class: its shift. Without one: the rest of the pick on whole pixels.
        assert mine.rlnOriginXAngst.tolist() == [1.5 + number] * 4 + [-0.25 * PIXEL_A]
        assert mine.rlnOriginYAngst.tolist() == [-2.5] * 4 + [0.5 * PIXEL_A]
    assert optics.rlnImagePixelSize.tolist() == [IMAGE_PIXEL_A]
    assert optics.rlnImageSize.tolist() == [BOX_PX]
    assert optics.rlnMicrographOriginalPixelSize.tolist() == [PIXEL_A]
    assert "rlnRandomSubset" not in table


def test_every_name_in_every_table_is_a_file_of_the_export(world: World) -> None:
    task = world.prepare(ALL, classes=add_classes(world, 5))
    run_export(task)
    named = 0
    for star in [*task.final.glob("*.star"), *task.final.glob("class2d/*.star")]:
        for table in read(task.final, star.relative_to(task.final).as_posix()).values():
            columns = table if isinstance(table, dict) else {name: table[name].tolist() for name in table}
            for column, values in columns.items():
                for value in values if isinstance(values, list) else [values]:
                    words = str(value).rpartition("@")[2]
                    if "/" in words and column != "rlnOutputRootName":
                        assert (task.final / words).exists(), (star.name, column, value)
                        assert not words.startswith(("/", "./")) and ".." not in words
                        named += 1
    assert named > 60


def test_images_are_those_of_the_session(world: World) -> None:
    task = world.prepare(ALL)
    run_export(task)
    stack = read_mrc(task.final / "particles" / "movie_0002.mrcs")
    assert stack.data[3, 0, 0] == 203 and stack.data.dtype == np.float16
    # A hard link: not a byte more, and it stays when the session's own file is replaced.
    assert (task.final / "particles" / "movie_0002.mrcs").samefile(world.products(2).particles)
    add_products(world, 2, 1)
    assert len(read_mrc(task.final / "particles" / "movie_0002.mrcs").data) == 5
    movie = task.final / "raw" / "movie_0001.tif"
    assert movie.is_symlink() and movie.read_bytes() == b"frames of 1"


def test_copies_have_the_depth_that_was_asked_for(world: World) -> None:
    task = world.prepare(ALL.model_copy(update={"files": "copy", "image_depth": "float32"}))
    run_export(task)
    for name in ("particles/movie_0001.mrcs", "micrographs/movie_0001.mrc"):
        copied, own = read_mrc(task.final / name), read_mrc(world.folder / name)
        assert copied.data.dtype == np.float32
        assert np.array_equal(copied.data, own.data.astype(np.float32))
        assert copied.pixel_size_a == pytest.approx(own.pixel_size_a)
        assert not (task.final / name).samefile(world.folder / name)
    assert not (task.final / "raw" / "movie_0001.tif").is_symlink()


def test_without_files_tables_name_the_session(world: World) -> None:
    task = world.prepare(ALL.model_copy(update={"files": "none"}))
    run_export(task)
    table = read(task.final, "particles.star")["particles"]
    assert table.rlnImageName[0] == f"000001@{world.products(1).particles}"
    assert not (task.final / "micrographs").exists()


def test_without_files_motion_files_name_what_is_there(world: World) -> None:
    gain = world.folder / "gain.mrc"
    write_mrc(gain, np.ones((HEIGHT_PX, WIDTH_PX), np.float32), PIXEL_A, depth="float32")
    world.settings[1]["gain_path"] = str(gain)
    for contents in (CONTENTS, ("micrographs",)):
        task = world.prepare(ExportRequest(contents=contents, files="none"), name=f"e{len(contents)}")
        run_export(task)
        table = read(task.final, "corrected_micrographs.star")["micrographs"]
        for motion in table.rlnMicrographMetadata:
            general = read(task.final, motion)["general"]
            assert Path(motion).is_relative_to(task.final)
            for column in ("rlnMicrographMovieName", "rlnMicrographGainName"):
                assert Path(general[column]).is_absolute() and Path(general[column]).is_file()


def test_without_files_the_gain_is_turned_too(world: World) -> None:
    path = world.folder / "gain.mrc"
    gain = np.linspace(0.5, 1.5, HEIGHT_PX * WIDTH_PX, dtype=np.float32).reshape(HEIGHT_PX, WIDTH_PX)
    write_mrc(path, gain, PIXEL_A, depth="float32")
    world.settings[1] |= {"gain_path": str(path), "gain_rotation_deg": 180}
    task = world.prepare(ExportRequest(contents=("micrographs",), files="none"))
    run_export(task)
    motion = read(task.final, "corrected_micrographs.star")["micrographs"].rlnMicrographMetadata[0]
    turned = read_mrc(Path(read(task.final, motion)["general"]["rlnMicrographGainName"])).data
    assert np.allclose(turned, gain[::-1, ::-1])


def test_without_files_movies_in_folders_with_blanks_are_told(tmp_path: Path) -> None:
    raw = tmp_path / "K3 data"
    raw.mkdir()
    world = make_world(tmp_path / "s", raw_folder=raw)
    task = world.prepare(ALL.model_copy(update={"files": "none"}))
    notes = run_export(task)["notes"]
    assert any("blanks" in note for note in notes)
    assert not (task.final / "movies.star").exists()
    assert len(read(task.final, "particles.star")["particles"]) == 15


def test_only_the_chosen_classes(world: World) -> None:
    classes = add_classes(world, 5).model_copy(update={"classes": [2], "good": [2]})
    task = world.prepare(ALL, classes=classes)
    assert run_export(task)["counts"]["particles"] == 3
    table = read(task.final, "particles.star")["particles"]
    assert table.rlnClassNumber.tolist() == [2, 2, 2]
    assert table.rlnImageName.tolist() == [f"000002@particles/movie_{m:04d}.mrcs" for m in (1, 2, 3)]
    selected = read(task.final, "class2d/selected_classes.star")
    (rows,) = selected.values()
    assert rows.rlnReferenceImage.tolist() == ["000002@class2d/run_it000_classes.mrcs"]


def test_particles_that_were_extracted_anew_have_no_class(world: World) -> None:
    classes = add_classes(world, 5)
    path = world.products(2).record
    path.write_text(path.read_text().replace('"at": null', '"at": 200.0'))
    task = world.prepare(ALL, classes=classes)
    notes = run_export(task)["notes"]
    table = read(task.final, "particles.star")["particles"]
    stale = table.rlnMicrographName == "micrographs/movie_0002.mrc"
    assert (table.rlnClassNumber[stale] == 0).all() and (table.rlnClassNumber[~stale] > 0).sum() == 8
    assert any("extracted anew" in note for note in notes)


def test_optics_groups_are_consecutive_and_small_ones_join_the_largest(tmp_path: Path) -> None:
    world = make_world(tmp_path / "s", movies=6)
    for movie, group in zip(world.movies, (4, 4, 4, 9, 9, 7), strict=True):
        movie.row["optics_group"] = group
    run_export(world.prepare(ALL, name="apart"))
    table = read(world.folder / "exports" / "apart", "particles.star")
    assert table["optics"].rlnOpticsGroup.tolist() == [1, 2, 3]
    assert table["optics"].rlnOpticsGroupName.tolist() == ["opticsGroup1", "opticsGroup2", "opticsGroup3"]
    run_export(world.prepare(ALL.model_copy(update={"fewest_per_optics_group": 2}), name="joined"))
    joined = read(world.folder / "exports" / "joined", "corrected_micrographs.star")["micrographs"]
    assert joined.rlnOpticsGroup.tolist() == [1, 1, 1, 2, 2, 1]


def test_micrographs_without_particles_are_of_the_group_of_the_others(tmp_path: Path) -> None:
    world = make_world(tmp_path / "s", movies=3)
    add_products(world, 2, particles=0)
    world.products(2).particles.unlink()
    task = world.prepare(ALL)
    run_export(task)
    for star, block in (("corrected_micrographs.star", "micrographs"), ("particles.star", "particles")):
        tables = read(task.final, star)
        assert tables["optics"].rlnOpticsGroup.tolist() == [1]
        assert set(tables[block].rlnOpticsGroup) == {1}


def test_groups_of_which_no_particle_was_chosen_are_not_among_those_with_images(tmp_path: Path) -> None:
    world = make_world(tmp_path / "s", movies=2)
    world.movies[0].row["optics_group"] = 5
    chosen = add_classes(world, 5)
    table = pq.read_table(world.folder / chosen.folder / "assignments.parquet").to_pylist()
    rows = [row for row in table if "movie_0002" in row["stack"] or row["class_id"] != 2]
    pq.write_table(pa.Table.from_pylist(rows), world.folder / chosen.folder / "assignments.parquet")
    task = world.prepare(ALL, classes=chosen.model_copy(update={"classes": [2]}))
    run_export(task)
    tables = read(task.final, "particles.star")
    assert set(tables["particles"].rlnMicrographName) == {"micrographs/movie_0002.mrc"}
    assert tables["optics"].rlnOpticsGroup.tolist() == [1]
    assert read(task.final, "corrected_micrographs.star")["optics"].rlnOpticsGroup.tolist() == [1, 2]


def test_two_pixel_sizes_are_never_in_one_group(world: World) -> None:
    world.settings[2] = {**world.settings[1], "pixel_size_a": 1.6}
    world.movies[2].row["settings_revision"] = 2
    run_export(world.prepare(ALL))
    optics = read(world.folder / "exports" / "e", "micrographs_ctf.star")["optics"]
    assert sorted(optics.rlnMicrographOriginalPixelSize) == [1.5, 1.6]


def test_the_manifest_lists_every_file_with_its_checksum(world: World) -> None:
    task = world.prepare(ALL)
    result = run_export(task)
    rows = list(read_manifest(task.final))
    there = {name.as_posix() for name in files_of(task.final)} - {"manifest.tsv", "export.log"}
    assert {name for name, _, _ in rows} == there
    assert result["files"] == len(rows) + 1
    for name, size, digest in rows:
        path = task.final / name
        assert path.stat().st_size == size
        assert digest == ("-" if path.is_symlink() else checksum(path))


def test_what_was_interrupted_is_not_there_and_is_made_when_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = world.prepare(ALL)
    with monkeypatch.context() as patch:
        patch.setattr("frazil.stages.export.run.write_manifest", _fail)
        with pytest.raises(OSError, match="full"):
            run_export(task)
    assert not task.final.exists() and (task.part / "particles.star").exists()
    # Meanwhile the session goes on; the export is of the state in which it was asked for.
    world.movies.pop()
    assert run_export(task)["counts"]["micrographs"] == 3
    assert not task.part.exists()
    assert not (task.final / "snapshot.json").exists()


def _fail(*_: object) -> None:
    raise OSError(28, "disk is full")


def test_no_picks_no_particles_no_classes(tmp_path: Path) -> None:
    world = make_world(tmp_path / "s", particles=0)
    task = world.prepare(ALL)
    result = run_export(task)
    assert (
        sorted(path.name for path in task.final.glob("*.star"))
        == [
            "autopick.star",
            "corrected_micrographs.star",
            "micrographs_ctf.star",
            "movies.star",
        ][1:]
    )
    assert any("no particle" in note for note in result["notes"])
    assert any("class averages" in note for note in result["notes"])


def test_movies_that_were_moved_are_told_and_left_out(world: World) -> None:
    Path(world.movies[1].raw_path or "").unlink()
    task = world.prepare(ALL)
    result = run_export(task)
    assert read(task.final, "movies.star")["movies"].rlnMicrographMovieName.tolist() == [
        "raw/movie_0001.tif",
        "raw/movie_0003.tif",
    ]
    assert any("movie_0002" in note for note in result["notes"])
    assert len(read(task.final, "particles.star")["particles"]) == 15


def test_a_lost_micrograph_is_named(world: World) -> None:
    world.products(2).micrograph.unlink()
    with pytest.raises(InputError, match="movie_0002"):
        run_export(world.prepare(ALL))


def test_nothing_to_export(world: World) -> None:
    world.movies.clear()
    with pytest.raises(InputError, match="nothing to export"):
        run_export(world.prepare(ALL))


def test_motion_files_name_the_movies_of_the_export(world: World) -> None:
    """In a live session they name the real files, which may lie in folders or anywhere."""
    star = world.products(1).motion_star
    star.write_text(star.read_text().replace("raw/movie_0001.tif", "raw/square 1/x.tif"))
    gain = world.folder / "gain.mrc"
    write_mrc(gain, np.ones((HEIGHT_PX, WIDTH_PX), np.float32), PIXEL_A, depth="float32")
    world.settings[1]["gain_path"] = str(gain)
    before = star.read_text()
    task = world.prepare(ALL)
    run_export(task)
    movies = read(task.final, "movies.star")["movies"].rlnMicrographMovieName
    corrected = read(task.final, "corrected_micrographs.star")["micrographs"].rlnMicrographMetadata
    for movie, motion in zip(movies, corrected, strict=True):
        general = read(task.final, motion)["general"]
        assert general["rlnMicrographMovieName"] == movie and (task.final / movie).is_file()
        assert (task.final / general["rlnMicrographGainName"]).is_file()
    assert star.read_text() == before


def test_movies_outside_with_blanks_in_their_path(tmp_path: Path) -> None:
    raw = tmp_path / "K3 data, Tuesday"
    raw.mkdir()
    world = make_world(tmp_path / "my session", raw_folder=raw)
    task = world.prepare(ALL)
    run_export(task)
    names = read(task.final, "movies.star")["movies"].rlnMicrographMovieName
    assert (task.final / names[0]).read_bytes() == b"frames of 1"


def test_the_readme_says_what_is_in_it(world: World) -> None:
    task = world.prepare(ALL)
    run_export(task)
    text = (task.final / "README.txt").read_text()
    assert "Grid 7" in text and "particles: 15" in text and "200 kV, 1.4 mm, 0.1" in text
    assert "Bayesian polishing" in text and "go into Extraction" in text and "cd here" in text
    # 16 px of 3 A are 32 of the micrograph's; background from 0.6 diameters of 60 A on.
    assert "(of 3 micrographs) with particle box 32, rescaled to 16," in text
    assert "background circle 48 pixels" in text
    # There are no classes.
    assert "class2d" not in text
    assert (task.final / "overlay" / "movie_0001.jpg").stat().st_size > 1000


def test_the_readme_speaks_of_absolute_paths(world: World) -> None:
    task = world.prepare(ExportRequest(contents=("micrographs",), files="none"))
    run_export(task)
    text = (task.final / "README.txt").read_text()
    assert "absolute" in text and "cd here" not in text
    assert "particles.star" not in text and "polishing" not in text


@pytest.mark.parametrize("kind", ["mrc", "tif"])
def test_the_gain_is_turned_as_it_was_applied(world: World, kind: str) -> None:
    path = world.folder / f"gain.{kind}"
    gain = np.linspace(0.5, 1.5, HEIGHT_PX * WIDTH_PX, dtype=np.float32).reshape(HEIGHT_PX, WIDTH_PX)
    if kind == "mrc":
        write_mrc(path, gain, PIXEL_A, depth="float32")
    else:
        tifffile.imwrite(path, gain[::-1])
    world.settings[1] |= {"gain_path": str(path), "gain_rotation_deg": 180}
    task = world.prepare(ALL)
    run_export(task)
    turned = read_mrc(task.final / "raw" / "gain.mrc").data
    assert np.allclose(turned, gain[::-1, ::-1])


def test_a_gain_of_another_size_goes_along_in_that_of_the_frames(world: World) -> None:
    path = world.folder / "gain.tif"
    gain = np.random.default_rng(3).uniform(0.8, 1.2, (2 * HEIGHT_PX, 2 * WIDTH_PX)).astype(np.float32)
    tifffile.imwrite(path, gain)
    world.settings[1] |= {"gain_path": str(path)}
    task = world.prepare(ALL)
    run_export(task)
    assert "raw/gain.mrc" in (task.final / "motion" / "movie_0001.star").read_text()
    written = read_mrc(task.final / "raw" / "gain.mrc").data
    expected = gain[::-1].reshape(HEIGHT_PX, 2, WIDTH_PX, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(written, expected, rtol=1e-5)


@pytest.mark.parametrize("turned", [False, True])
def test_gains_of_eer_movies_are_what_relion_divides_by(world: World, turned: bool) -> None:
    """It multiplies frames of EER movies with a ``.gain`` only; an MRC reference holds counts."""
    for movie in world.movies:
        raw = Path(movie.raw_path or "")
        movie.raw_path = str(raw.rename(raw.with_suffix(".eer")))
    path = world.folder / "counts.mrc"
    counts = np.linspace(50.0, 150.0, HEIGHT_PX * WIDTH_PX, dtype=np.float32).reshape(HEIGHT_PX, WIDTH_PX)
    write_mrc(path, counts, PIXEL_A, depth="float32")
    world.settings[1] |= {"gain_path": str(path), "gain_rotation_deg": 180 if turned else 0}
    task = world.prepare(ALL)
    run_export(task)
    written = read_mrc(task.final / "raw" / "gain.mrc").data
    expected = counts[::-1, ::-1] if turned else counts
    assert np.allclose(written / written.mean(), expected / counts.mean(), rtol=1e-5)


@pytest.mark.parametrize("files", ["copy", "none"])
def test_every_gain_that_was_applied_goes_along(world: World, files: str) -> None:
    gain = np.linspace(0.5, 1.5, HEIGHT_PX * WIDTH_PX, dtype=np.float32).reshape(HEIGHT_PX, WIDTH_PX)
    for name, level in (("monday", 1.0), ("friday", 2.0)):
        write_mrc(world.folder / f"{name}.mrc", gain * level, PIXEL_A, depth="float32")
    monday, friday = (str(world.folder / f"{name}.mrc") for name in ("monday", "friday"))
    usual = world.settings[1]
    world.settings = {
        1: usual | {"gain_path": monday},
        2: usual | {"gain_path": friday},
        3: usual | {"gain_path": friday, "gain_flip_x": True},
    }
    for revision, movie in enumerate(world.movies, 1):
        movie.row["settings_revision"] = revision
    task = world.prepare(ALL.model_copy(update={"files": files}))
    run_export(task)
    metadata = read(task.final, "corrected_micrographs.star")["micrographs"].rlnMicrographMetadata
    for star, applied in zip(metadata, (gain, 2.0 * gain, 2.0 * gain[:, ::-1]), strict=True):
        named = task.final / read(task.final, star)["general"]["rlnMicrographGainName"]
        assert np.allclose(read_mrc(named).data, applied)


def test_the_mtf_goes_along_and_every_table_names_it(world: World, tmp_path: Path) -> None:
    mtf = tmp_path / "MTF of K3.star"
    mtf.write_text("data_\nloop_\n_rlnResolutionInversePixel #1\n_rlnMtfValue #2\n0 1\n0.5 0.5\n")
    run_export(world.prepare(ALL, name="without"))
    world.settings[2] = world.settings[1] | {"mtf_path": str(mtf)}
    task = world.prepare(ALL, classes=add_classes(world, 5))
    run_export(task)
    for star in ("movies", "micrographs_ctf", "particles", "class2d/run_it000_data"):
        assert read(task.final, f"{star}.star")["optics"].rlnMtfFileName.tolist() == ["mtf.star"]
    assert (task.final / "mtf.star").read_text() == mtf.read_text()
    other = task.final.parent / "without"
    assert "rlnMtfFileName" not in read(other, "particles.star")["optics"]
    mtf.unlink()
    notes = run_export(world.prepare(ALL, name="gone"))["notes"]
    assert any("MTF is left out" in note for note in notes)


def test_threads_change_nothing(world: World) -> None:
    classes = add_classes(world, 5)
    request = ALL.model_copy(update={"files": "copy"})
    for name, threads in (("one", 1), ("four", 4)):
        run_export(world.prepare(request.model_copy(update={"threads": threads}), classes=classes, name=name))
    one, four = (dict(_sums(world.folder / "exports" / name)) for name in ("one", "four"))
    assert one == four and len(one) > 20


def _sums(folder: Path) -> Iterator[tuple[str, str]]:
    for name, _, digest in read_manifest(folder):
        if name not in ("README.txt", "settings.json"):
            yield name, digest


def test_exports_load_no_torch() -> None:
    """It would take a quarter of the memory that an export of a million particles may take."""
    code = "import sys, frazil.stages.export.run, frazil.stages.export.live; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_more_memory_than_it_may_take_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    # More than the limit, and never touched where there is none.
    monkeypatch.setattr("frazil.stages.export.run.find_optics", lambda *_: np.empty(1 << 31, np.uint8))
    with pytest.raises(InputError, match="more memory than the 1 GB"):
        run_export(world.prepare(ALL.model_copy(update={"memory_gb": 1.0})))
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_what_was_copied_is_not_copied_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    request = ALL.model_copy(update={"files": "copy", "image_depth": "float32"})
    task = world.prepare(request)
    with monkeypatch.context() as patch:
        patch.setattr("frazil.stages.export.run.write_manifest", _fail)
        with pytest.raises(OSError, match="full"):
            run_export(task)
    kept, changed = task.part / "particles/movie_0001.mrcs", task.part / "raw/movie_0002.tif"
    number = kept.stat().st_ino
    # Half a file under a finished one's name, a source that was replaced, half a line of the book.
    (task.part / "micrographs/movie_0003.mrc").write_bytes(b"half")
    (world.folder / "raw/movie_0002.tif").write_bytes(b"other frames")
    with (task.part / ".journal.jsonl").open("ab") as book:
        book.write(b'["micrographs/mov')
    (task.part / "micrographs/stranger.mrc").write_bytes(b"unknown")
    run_export(task)
    assert (task.final / "particles/movie_0001.mrcs").stat().st_ino == number
    assert (task.final / changed.relative_to(task.part)).read_bytes() == b"other frames"
    assert len(read_mrc(task.final / "micrographs/movie_0003.mrc").data) == HEIGHT_PX
    assert not (task.final / "micrographs/stranger.mrc").exists()
    assert not list(task.final.glob(".*"))
    for name, size, digest in read_manifest(task.final):
        assert (task.final / name).stat().st_size == size and digest == checksum(task.final / name)


def test_images_of_other_boxes_than_the_averages_are_told(world: World) -> None:
    classes = add_classes(world, 5)
    assert not any("averages" in note for note in run_export(world.prepare(ALL, classes=classes))["notes"])
    images = np.zeros((5, BOX_PX + 8, BOX_PX + 8), np.float32)
    write_mrc(world.products(3).particles, images, IMAGE_PIXEL_A)
    task = world.prepare(ALL, classes=classes, name="mixed")
    notes = run_export(task)["notes"]
    assert any("16 px of 3 A" in note and "group 2" in note for note in notes)
    optics = read(task.final, "class2d/run_it000_data.star")["optics"]
    assert optics.rlnImageSize.tolist() == [BOX_PX, BOX_PX + 8]
    flags = [
        "--trust_ref_size" in (world.folder / f"exports/{e}/README.txt").read_text() for e in ("e", "mixed")
    ]
    assert flags == [False, True]


def test_micrographs_that_the_classes_do_not_know_have_no_say_in_the_averages(world: World) -> None:
    classes = add_classes(world, 5)
    path = world.folder / classes.folder / "assignments.parquet"
    table = pq.read_table(path)
    stacks = np.array(table.column("stack").to_pylist())
    pq.write_table(table.filter(pa.array(stacks == "particles/movie_0001.mrcs")), path)
    for number in (2, 3):
        images = np.zeros((5, BOX_PX + 8, BOX_PX + 8), np.float32)
        write_mrc(world.products(number).particles, images, IMAGE_PIXEL_A)
    task = world.prepare(ALL, classes=classes)
    notes = run_export(task)["notes"]
    (told,) = (note for note in notes if "class" in note)
    assert told.startswith("class update 1 holds no particle of 2 micrographs")
    assert read_mrc(task.final / "class2d/run_it000_classes.mrcs").data.shape[-1] == BOX_PX
