"""Export of a million particles, apart from image data: seconds and memory of all tables.

.venv/bin/python benchmarks/export.py [--micrographs 5000] [--particles 200]

All contents at once. Particle stacks are a header with sparse data behind it, and files are linked; checksums
of image data are left out. What is timed is what grows with the number of particles: reading their tables,
joining them with their classes, and writing STAR, CSV and Parquet. The session is made by another process, so
that the memory is that of the export.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from frazil.formats.mrc import write_mrc
from frazil.formats.mrc_header import Statistics, build_header
from frazil.stages.export import run
from frazil.stages.export.request import (
    CONTENTS,
    ChosenClasses,
    ExportMovie,
    ExportRequest,
    ExportTask,
    Snapshot,
)
from frazil.stages.products import FOLDERS, Products
from frazil.stages.record import MovieRecord, StageRecord

BOX_PX, PIXEL_A, CLASSES = 64, 1.0, 50
UPDATE = "classes/run001/update001"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--micrographs", type=int, default=5000)
    parser.add_argument("--particles", type=int, default=200, help="of each micrograph")
    parser.add_argument("--format", choices=("relion", "cryosparc", "csv"), default="relion")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="frazil-export-"))
    try:
        making = get_context("spawn").Process(
            target=make_session, args=(folder, given.micrographs, given.particles, given.format)
        )
        making.start()
        making.join()
        task = ExportTask(session=folder, name="benchmark")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        cpu, began = time.process_time(), time.monotonic()
        # Checksums read all image data, of which there are none here.
        run.write_manifest = lambda *_: (0, 0)
        result = run.run_export(task)
        seconds = time.monotonic() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        cores = time.process_time() - cpu
        print(
            f"{given.format}: {result['counts']}: {seconds:.1f} s ({cores:.1f} s of cores), "
            f"peak memory {peak / 1e6:.2f} GB ({before / 1e6:.2f} GB before it began)"
        )
        print((task.final / "export.log").read_text())
    finally:
        shutil.rmtree(folder)


def make_session(folder: Path, micrographs: int, particles: int, format_: str) -> None:
    for name in (*FOLDERS, "raw"):
        (folder / name).mkdir(exist_ok=True)
    movies = []
    for number in range(1, micrographs + 1):
        name = f"FoilHole_{number:08d}_Data_{number:08d}_20260101_120000"
        add_movie(folder, name, number, particles)
        row = {"name": name, "state": "done", "settings_revision": 1, "optics_group": 1 + number % 9}
        raw = folder / "raw" / f"{name}.tif"
        raw.touch()
        movies.append(ExportMovie(number=number, name=name, raw_path=str(raw), row=row))
    add_classes(folder, [movie.name for movie in movies], particles)
    task = ExportTask(session=folder, name="benchmark")
    task.part.mkdir(parents=True)
    snapshot = Snapshot(
        session="Benchmark",
        session_number=1,
        name="benchmark",
        created_at=time.time(),
        created_by="benchmark",
        software="Frazil",
        request=ExportRequest.model_validate({"format": format_, "contents": CONTENTS}),
        settings={1: {"pixel_size_a": PIXEL_A, "voltage_kv": 300.0}},
        newest=1,
        movies=movies,
        classes=ChosenClasses(
            number=1, folder=UPDATE, finished_at=time.time(), good=list(range(1, CLASSES, 2))
        ),
    )
    (task.part / "snapshot.json").write_text(snapshot.model_dump_json())


def add_movie(folder: Path, name: str, number: int, particles: int) -> None:
    files = Products(folder, name)
    chance = np.random.default_rng(number)
    x, y = chance.integers(50, 4000, (2, particles))
    table = pa.table(
        {
            "x_px": x + chance.random(particles),
            "y_px": y + chance.random(particles),
            "box_x_px": x,
            "box_y_px": y,
            "score": chance.random(particles),
            "stack_index": np.arange(particles),
            "defocus_u_a": chance.random(particles) * 1e4,
            "defocus_v_a": chance.random(particles) * 1e4,
            "astigmatism_angle_deg": chance.random(particles) * 180,
            "phase_shift_deg": np.zeros(particles),
        }
    )
    extra = {"pixel_size_a": "2.0", "micrograph_pixel_size_a": repr(PIXEL_A)}
    pq.write_table(table.replace_schema_metadata(extra), files.particle_table)
    sparse(files.particles, (particles, BOX_PX, BOX_PX))
    sparse(files.micrograph, (1, 256, 256))
    for text in (files.motion_star, files.picks_star):
        text.write_text("data_\n")
    numbers = {
        "micrograph_pixel_size_a": PIXEL_A,
        "particles": float(particles),
        "ctf_has_rings": 1.0,
        "defocus_u_a": 1e4,
        "defocus_v_a": 9e3,
        "astigmatism_angle_deg": 30.0,
        "ctf_score": 0.2,
        "ctf_resolution_a": 4.0,
        "motion_total_px": 5.0,
        "motion_early_px": 2.0,
        "motion_late_px": 3.0,
    }
    stages = {stage: StageRecord(state="done") for stage in ("align", "sum", "ctf", "pick", "extract")}
    record = MovieRecord.model_validate({"name": name, "source": "x", "stages": stages, "numbers": numbers})
    files.record.write_text(record.model_dump_json())


def sparse(path: Path, shape: tuple[int, int, int]) -> None:
    header = build_header(shape, 12, PIXEL_A, Statistics(0.0, 0.0, 0.0, 0.0), volume=False)
    path.write_bytes(header)
    os.truncate(path, len(header) + 2 * int(np.prod(shape)))


def add_classes(folder: Path, names: list[str], particles: int) -> None:
    entry = folder / UPDATE
    entry.mkdir(parents=True)
    count = len(names) * particles
    chance = np.random.default_rng(1)
    stack = pa.DictionaryArray.from_arrays(
        np.repeat(np.arange(len(names), dtype=np.int32), particles),
        [f"particles/{name}.mrcs" for name in names],
    )
    columns = {
        "stack": stack,
        "stack_index": np.tile(np.arange(particles), len(names)),
        "class_id": chance.integers(1, CLASSES + 1, count).astype(np.int32),
    }
    for name in ("psi_deg", "shift_x_a", "shift_y_a", "posterior", "log_evidence"):
        columns[name] = chance.random(count).astype(np.float32)
    pq.write_table(pa.table(columns).take(chance.permutation(count)), entry / "assignments.parquet")
    write_mrc(entry / "classes.mrcs", chance.random((CLASSES, BOX_PX, BOX_PX)).astype(np.float32), 2.0)
    classes = [
        {"class_id": k, "particles": count // CLASSES, "resolution_a": 10.0} for k in range(1, CLASSES + 1)
    ]
    (entry / "summary.json").write_text(json.dumps({"classes": classes, "mask_radius_a": 50.0}))


if __name__ == "__main__":
    main()
