"""A Live2D folder that Frazil writes, as those read it who know Live2D's."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import mrcfile
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import starfile
from PIL import Image
from tests.tracks.follow_warp.test_body import some

from frazil.formats.live2d import BACKUP_NAME, RUN_NAME, cycles_of, read_live2d_run
from frazil.formats.mrc import read_mrc, write_mrc
from frazil.microscope.warp_output import WarpOutput
from frazil.stages.live2d import folder as live
from frazil.stages.live2d.folder import bring_up_to_date
from frazil.stages.live2d.removal import cycles_of_session, remove_cycles
from frazil.stages.live2d.task import Live2dEntry, Live2dTask

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BOX = 16
CLASSES = 3


class World:
    """A Warp folder, a session with entries, and the task that brings both together."""

    def __init__(self, root: Path) -> None:
        self.warp = WarpOutput(root / "warp")
        self.warp.change(box_px=BOX)
        self.session = root / "session"
        (self.session / "particles").mkdir(parents=True)
        self.folder = self.warp.folder / "classification"
        self.task = Live2dTask(
            session=self.session,
            session_id="one",
            warp=self.warp.folder,
            folder=self.folder,
            table=self.warp.table_path(),
            networks=(self.warp.choices.network,),
            box_px=BOX,
            pixel_size_a=2.0,
            voltage_kv=300.0,
            cs_mm=2.7,
            amplitude_contrast=0.07,
            entries=(),
        )

    def process(self, movie: int, count: int = 4, version: int = 0) -> None:
        self.warp.process(f"m{movie}", some(movie, count, box=BOX, version=version))
        link = self.session / "particles" / f"m{movie}.mrcs"
        link.unlink(missing_ok=True)
        link.symlink_to(self.warp.stack_path(f"m{movie}"))

    def classify(self, movies: Sequence[int], count: int = 4, kind: str = "startup") -> None:
        """Add an entry: particle i of movie m is in class 1 + (m + i) % 3, turned by 10 m + i degrees."""
        number = len(self.task.entries) + 1
        folder = self.session / f"classes/run001/update{number:03d}"
        folder.mkdir(parents=True)
        averages = np.random.default_rng(number).normal(size=(CLASSES, BOX, BOX)).astype(np.float32)
        write_mrc(folder / "classes.mrcs", averages, 2.0)
        m, i = (each.ravel() for each in np.meshgrid(movies, np.arange(count), indexing="ij"))
        table = {
            "stack": pa.array([f"particles/m{movie}.mrcs" for movie in m]).dictionary_encode(),
            "stack_index": i,
            "class_id": 1 + (m + i) % CLASSES,
            "psi_deg": 10.0 * m + i,
            "shift_x_a": 1.5 + m,
            "shift_y_a": -0.5 * i,
            "posterior": np.full(len(m), 0.75),
            "log_evidence": np.full(len(m), 12.4),
        }
        pq.write_table(pa.table(table), folder / "assignments.parquet")
        said = {"entry": {"cycle_in_block": 1, "update_in_run": number}}
        (folder / "summary.json").write_text(json.dumps(said))
        settings: dict[str, Any] = {"mask_radius": "60", "class_number": "50", "box_size": str(BOX)}
        entry = Live2dEntry(number, folder, kind, 30.0, 0.5, 1_700_000_000.0 + number, settings)
        self.task = replace(self.task, entries=(*self.task.entries, entry))

    def cycles(self) -> list[str]:
        return [cycle.name for cycle in cycles_of(read_live2d_run(self.folder) or {})]

    def star(self, name: str) -> Any:
        return starfile.read(self.folder / f"{name}.star")

    def images(self) -> Any:
        """The value that every pixel of an image has, which says whose it is."""
        with mrcfile.open(self.folder / "combined_stack.mrcs") as stack:
            assert stack.data.dtype == np.float32
            return stack.data[:, 0, 0].copy()

    def table_order(self) -> list[float]:
        """Value of the images in the order of Warp's table."""
        table = starfile.read(self.warp.table_path())
        values = []
        for word in table["rlnImageName"]:
            index, stack = word.split("@")
            values.append(float(read_mrc(self.warp.folder / stack).data[int(index) - 1, 0, 0]))
        return values


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_folder_holds_what_warp_to_cistem_reads(world: World) -> None:
    world.process(0)
    world.process(1)
    world.classify([0, 1], kind="random_seed")
    result = bring_up_to_date(world.task)
    assert (result.cycles, result.rows, result.rebuilt) == (("cycle_0",), 8, False)
    run = json.loads((world.folder / RUN_NAME).read_text())
    assert run["warp_folder"] == str(world.warp.folder) and run["job_status"] == "stopped"
    (cycle,) = run["cycles"]
    assert cycle["name"] == "cycle_0" and cycle["number"] == 0 and cycle["block_type"] == "random_seed"
    assert cycle["high_res_limit"] == 30.0 and cycle["fraction_used"] == 0.5
    assert cycle["settings"]["class_number"] == str(CLASSES) and cycle["settings"] == run["settings"]
    assert len(cycle["particle_count_per_class"]) == CLASSES + 1
    assert sum(cycle["particle_count_per_class"]) == cycle["particle_count"] == 8
    star = world.star("cycle_0")
    assert len(star) == 8 and star["cisTEMPositionInStack"].tolist() == list(range(1, 9))
    m, i = np.repeat([0, 1], 4), np.tile(np.arange(4), 2)
    assert star["cisTEMBest2DClass"].tolist() == (1 + (m + i) % CLASSES).tolist()
    assert star["cisTEMAnglePsi"].tolist() == (10.0 * m + i).tolist()
    assert star["cisTEMXShift"].tolist() == (1.5 + m).tolist()
    assert star["cisTEMOccupancy"].tolist() == [75.0] * 8 and star["cisTEMLogP"].tolist() == [12] * 8
    assert star["cisTEMDefocus1"].tolist() == (1000.0 * m + i + 10_000.0).tolist()
    assert world.images().tolist() == world.table_order()
    with mrcfile.open(world.folder / "cycle_0.mrc") as averages:
        assert averages.data.shape == (CLASSES, BOX, BOX) and averages.data.dtype == np.float32
    pictures = sorted((world.folder / "class_images/cycle_0").iterdir())
    assert [path.name for path in pictures] == ["1.png", "2.png", "3.png"]
    with Image.open(pictures[0]) as opened:
        assert opened.size == (BOX, BOX)
    assert "cycle_0" in (world.folder / "logfile.txt").read_text()


def test_what_comes_is_added_and_the_last_cycle_gets_fresh_rows(world: World) -> None:
    world.process(0)
    world.classify([0])
    bring_up_to_date(world.task)
    inode = (world.folder / "combined_stack.mrcs").stat().st_ino
    world.process(1, 3)
    world.classify([0])
    assert bring_up_to_date(world.task).cycles == ("cycle_1",)
    assert (world.folder / "combined_stack.mrcs").stat().st_ino == inode
    assert world.images().tolist() == world.table_order()
    assert [len(world.star(name)) for name in ("cycle_0", "cycle_0_appended", "cycle_1")] == [4, 7, 7]
    appended = world.star("cycle_0_appended")
    assert appended["cisTEMBest2DClass"].tolist()[4:] == [0, 0, 0]
    # The movie that is not classified yet is in no class, and all rows are counted.
    last = (read_live2d_run(world.folder) or {})["cycles"][-1]
    assert last["particle_count"] == 7 and last["particle_count_per_class"][0] == 3
    assert bring_up_to_date(world.task).cycles == ()
    assert len(json.loads((world.folder / BACKUP_NAME).read_text())["cycles"]) == 1


def test_replaced_rows_make_the_stack_anew_and_move_cycles_whose_order_is_gone(world: World) -> None:
    for movie in (0, 1):
        world.process(movie)
        world.classify(range(movie + 1))
        bring_up_to_date(world.task)
    world.process(1, 2, version=1)
    world.process(2)
    world.classify([0, 2])
    result = bring_up_to_date(world.task)
    assert (result.rebuilt, result.moved) == (True, 1)
    assert world.images().tolist() == world.table_order() and len(world.images()) == 10
    # Cycle 0 knows only the first movie, which is as it was.
    assert world.cycles() == ["cycle_0", "cycle_2"]
    assert (world.folder / "history/cycle_1.star").exists()
    assert (world.folder / "history/class_images/cycle_1").is_dir()
    classes = world.star("cycle_2")["cisTEMBest2DClass"].tolist()
    assert classes[4:6] == [0, 0] and classes[6:] == [1 + (2 + i) % CLASSES for i in range(4)]


def test_a_stack_that_is_half_written_is_blank_in_the_middle_and_waits_at_the_end(world: World) -> None:
    for movie in range(3):
        world.process(movie)
    for movie in (1, 2):
        path = world.warp.stack_path(f"m{movie}")
        path.write_bytes(path.read_bytes()[:1500])
    world.classify([0])
    assert bring_up_to_date(world.task).rows == 4
    world.warp.write_stack("m2", some(2, 4, box=BOX))
    world.classify([0, 2])
    assert bring_up_to_date(world.task).rows == 12
    assert world.images()[4:8].tolist() == [0.0] * 4
    world.warp.write_stack("m1", some(1, 4, box=BOX))
    world.classify([0, 1, 2])
    assert bring_up_to_date(world.task).rebuilt
    assert world.images().tolist() == world.table_order()


@pytest.mark.parametrize("step", ["write_stack", "write_cycle", "write_live2d_run", "_log"])
def test_after_a_crash_anywhere_it_goes_on(world: World, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    world.process(0)
    world.classify([0])
    bring_up_to_date(world.task)
    world.process(1)
    world.classify([0, 1])
    original = getattr(live, step)

    def crash(*given: Any) -> None:
        if step != "write_live2d_run":
            original(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(live, step, crash)
        with pytest.raises(KeyboardInterrupt):
            bring_up_to_date(world.task)
    bring_up_to_date(world.task)
    assert world.cycles() == ["cycle_0", "cycle_1"]
    assert world.images().tolist() == world.table_order()
    for cycle in cycles_of(read_live2d_run(world.folder) or {}):
        assert len(world.star(cycle.name)) == cycle.particles


def test_a_damaged_state_is_read_from_its_backup_and_else_set_aside(world: World) -> None:
    world.process(0)
    for _ in range(2):
        world.classify([0])
        bring_up_to_date(world.task)
    (world.folder / RUN_NAME).write_text('{"cycles": [')
    world.classify([0])
    bring_up_to_date(world.task)
    # The cycle that only the damaged file listed is written again.
    assert world.cycles() == ["cycle_0", "cycle_1"]
    for name in (RUN_NAME, BACKUP_NAME):
        (world.folder / name).write_text("{")
    world.classify([0])
    bring_up_to_date(world.task)
    assert len(world.cycles()) == 1 and (world.folder / f"{RUN_NAME}.damaged").exists()


def live2d_folder(world: World, rows: int, *, stack: bool = True) -> None:
    """What Live2D itself left behind: one cycle of so many rows."""
    world.folder.mkdir()
    values = np.array(world.table_order()[:rows], np.float32)
    if stack:
        write_mrc(
            world.folder / "combined_stack.mrcs",
            np.broadcast_to(values[:, None, None], (rows, BOX, BOX)),
            2.0,
            depth="float32",
        )
    cycle = {"name": "cycle_5", "number": "5", "particle_count": rows, "block_type": "startup", "extra": 1}
    (world.folder / RUN_NAME).write_text(json.dumps({"process_number": 32, "cycles": [cycle]}))
    (world.folder / "cycle_5.star").write_text("data_\n")
    (world.folder / "logfile.txt").write_text("of Live2D\n")


def test_cycles_of_live2d_itself_stay_and_are_counted_on(world: World) -> None:
    world.process(0)
    world.process(1)
    live2d_folder(world, 4)
    world.classify([0, 1])
    result = bring_up_to_date(world.task)
    assert (result.cycles, result.rebuilt, result.moved) == (("cycle_6",), False, 0)
    document = read_live2d_run(world.folder) or {}
    assert document["process_number"] == 32 and document["cycles"][0]["extra"] == 1
    assert world.images().tolist() == world.table_order()
    names = {path.name for path in cycles_of_session(world.folder, "one")}
    assert names == {"cycle_6", "cycle_6.mrc", "cycle_6.star"}
    assert remove_cycles(world.folder, "one") == 1
    assert world.cycles() == ["cycle_5"] and not (world.folder / "cycle_6.mrc").exists()
    kept = {"combined_stack.mrcs", "cycle_5.star", RUN_NAME, "logfile.txt"}
    assert kept <= {path.name for path in world.folder.iterdir()}


def test_clear_removes_what_frazil_wrote_and_the_folder_it_made(world: World) -> None:
    world.process(0)
    world.classify([0])
    bring_up_to_date(world.task)
    world.process(0, version=1)
    world.classify([0])
    bring_up_to_date(world.task)
    assert (world.folder / "history/cycle_0.star").exists()
    assert remove_cycles(world.folder, "another session") == 0
    assert remove_cycles(world.folder, "one", [1]) == 0
    assert remove_cycles(world.folder, "one") == 2
    assert not world.folder.exists()


def test_a_file_of_somebody_else_keeps_the_folder(world: World) -> None:
    world.process(0)
    world.classify([0])
    bring_up_to_date(world.task)
    (world.folder / "notes.txt").write_text("mine")
    remove_cycles(world.folder, "one")
    assert [path.name for path in world.folder.iterdir()] == ["notes.txt"]
