"""A session folder as pre-processing and 2D classification leave it, with contents that tests can predict."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from frazil.formats.mrc import write_mrc
from frazil.formats.relion_micrographs import write_picks
from frazil.formats.relion_motion import MotionHeader, write_motion_star
from frazil.model.motion import MotionField
from frazil.stages.export.request import ChosenClasses, ExportMovie, ExportRequest, ExportTask, Snapshot
from frazil.stages.products import FOLDERS, Products
from frazil.stages.record import MovieRecord, StageRecord
from frazil.stages.record_file import store_record

if TYPE_CHECKING:
    from pathlib import Path

PIXEL_A, IMAGE_PIXEL_A = 1.5, 3.0
WIDTH_PX, HEIGHT_PX, BOX_PX = 160, 120, 16
CLASSES = 3
SETTINGS = {"pixel_size_a": PIXEL_A, "voltage_kv": 200.0, "cs_mm": 1.4, "amplitude_contrast": 0.1}


@dataclass
class World:
    """The session, and what an export of it is made of."""

    folder: Path
    movies: list[ExportMovie] = field(default_factory=list)
    settings: dict[int, dict[str, Any]] = field(default_factory=lambda: {1: dict(SETTINGS)})

    def products(self, number: int) -> Products:
        """Products of a movie, counted from 1."""
        return Products(self.folder, self.movies[number - 1].name)

    def prepare(
        self, request: ExportRequest, *, classes: ChosenClasses | None = None, name: str = "e"
    ) -> ExportTask:
        """Write the snapshot of an export."""
        task = ExportTask(session=self.folder, name=name)
        task.part.mkdir(parents=True, exist_ok=True)
        snapshot = Snapshot(
            session="Grid 7",
            session_number=7,
            folder=str(self.folder),
            name=name,
            created_at=1_800_000_000.0,
            created_by="ann",
            software="Frazil test",
            request=request,
            settings=self.settings,
            newest=max(self.settings),
            movies=self.movies,
            classes=classes,
        )
        (task.part / "snapshot.json").write_text(snapshot.model_dump_json())
        return task


def make_world(folder: Path, movies: int = 3, particles: int = 5, *, raw_folder: Path | None = None) -> World:
    """Make a session; particle p of movie m is an image full of 100 m + p."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    world = World(folder)
    for number in range(1, movies + 1):
        raw = (raw_folder or folder / "raw") / f"movie_{number:04d}.tif"
        raw.write_bytes(b"frames of %d" % number)
        name = raw.stem
        row = {
            "name": name,
            "path": raw.name,
            "state": "done",
            "settings_revision": 1,
            "done_at": 5.0 * number,
        }
        world.movies.append(ExportMovie(number=number, name=name, raw_path=str(raw), row=row))
        add_products(world, number, particles)
    return world


def add_products(world: World, number: int, particles: int) -> None:
    """Write everything that pre-processing makes of a movie."""
    files = world.products(number)
    chance = np.random.default_rng(number)
    micrograph = chance.standard_normal((HEIGHT_PX, WIDTH_PX)).astype(np.float32)
    write_mrc(files.micrograph, micrograph, PIXEL_A)
    write_mrc(files.spectrum, np.ones((64, 64), np.float32), PIXEL_A, depth="float32")
    header = MotionHeader(f"raw/{files.name}.tif", 6, 1, 1.0, 1.5, 0.0, 200.0, gain="raw/gain.mrc")
    write_motion_star(files.motion_star, header, MotionField.still(6, WIDTH_PX, HEIGHT_PX, PIXEL_A), None)
    box_x, box_y = coordinates(number, particles)
    numbers: dict[str, float | None] = {
        "micrograph_pixel_size_a": PIXEL_A,
        "width_px": WIDTH_PX,
        "height_px": HEIGHT_PX,
        "frames": 6.0,
        "particles": float(particles),
        "particle_diameter_a": 60.0,
        "motion_total_px": 3.0 + number,
        "motion_early_px": 2.0,
        "motion_late_px": 1.0 + number,
        "ctf_has_rings": 1.0,
        "defocus_u_a": 12_000.0 + number,
        "defocus_v_a": 11_000.0,
        "astigmatism_angle_deg": 30.0,
        "ctf_score": 0.2,
        "ctf_resolution_a": 4.0,
        "phase_shift_deg": 0.0,
    }
    stages = {stage: StageRecord(state="done") for stage in ("align", "sum", "ctf", "pick", "extract")}
    if particles:
        write_picks(files.picks_star, box_x.astype(float), box_y.astype(float), np.ones(particles))
        images = np.empty((particles, BOX_PX, BOX_PX), np.float32)
        images[:] = (100 * number + np.arange(particles))[:, None, None]
        write_mrc(files.particles, images, IMAGE_PIXEL_A)
        _write_particle_table(files, number, particles)
    else:
        stages["extract"] = StageRecord(state="skipped", reason="no picks")
    record = MovieRecord(name=files.name, source="x", stages=stages, numbers=numbers)  # type: ignore[arg-type]
    store_record(world.folder, record)


def coordinates(number: int, particles: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Whole-pixel centres of the particles of a movie."""
    place = np.arange(particles)
    return 20 + 3 * place + number, 30 + 7 * place


def _write_particle_table(files: Products, number: int, particles: int) -> None:
    box_x, box_y = coordinates(number, particles)
    table = pa.table(
        {
            "micrograph": [f"micrographs/{files.name}.mrc"] * particles,
            "x_px": box_x + 0.25,
            "y_px": box_y - 0.5,
            "box_x_px": box_x,
            "box_y_px": box_y,
            "score": np.full(particles, 7.0),
            "stack": [f"particles/{files.name}.mrcs"] * particles,
            "stack_index": np.arange(particles),
            "defocus_u_a": np.full(particles, 12_000.0 + number),
            "defocus_v_a": np.full(particles, 11_000.0),
            "astigmatism_angle_deg": np.full(particles, 30.0),
            "phase_shift_deg": np.zeros(particles),
            "optics_group": np.ones(particles, np.int32),
        }
    )
    extra = {"pixel_size_a": repr(IMAGE_PIXEL_A), "micrograph_pixel_size_a": repr(PIXEL_A)}
    pq.write_table(table.replace_schema_metadata(extra), files.particle_table)


def add_classes(world: World, particles: int, *, unclassified: int = 1) -> ChosenClasses:
    """Write an entry of the class history: class 1 + p mod 3; each movie's last are unknown."""
    place = "classes/run001/update001"
    folder = world.folder / place
    folder.mkdir(parents=True)
    known = particles - unclassified
    rows = [
        {
            "stack": f"particles/{movie.name}.mrcs",
            "stack_index": index,
            "class_id": 1 + index % CLASSES,
            "psi_deg": 10.0 * index,
            "shift_x_a": 1.5 + movie.number,
            "shift_y_a": -2.5,
            "posterior": 0.75,
            "log_evidence": 11.0,
        }
        # Not in the order of the micrographs: an entry need not be.
        for movie in reversed(world.movies)
        for index in reversed(range(known))
    ]
    table = pa.Table.from_pylist(rows)
    stack = table.column("stack").combine_chunks().dictionary_encode()
    pq.write_table(table.set_column(0, "stack", stack), folder / "assignments.parquet")
    averages = np.zeros((CLASSES, BOX_PX, BOX_PX), np.float32)
    averages[:, 4:12, 4:12] = np.arange(1, CLASSES + 1)[:, None, None]
    write_mrc(folder / "classes.mrcs", averages, IMAGE_PIXEL_A)
    counts = np.bincount(table.column("class_id").to_numpy(), minlength=CLASSES + 1)
    summary = {
        "mask_radius_a": 20.0,
        "classes": [
            {"class_id": k, "particles": int(counts[k]), "resolution_a": 8.0 + k, "reasons": ["clear"]}
            for k in range(1, CLASSES + 1)
        ],
    }
    (folder / "summary.json").write_text(json.dumps(summary))
    return ChosenClasses(number=1, folder=place, finished_at=100.0, good=[1, 2])
