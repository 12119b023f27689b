"""Products for the data pages: micrographs with particles, spectra, curves, motion, picks, class averages."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from scipy import ndimage

from frazil.app.access import SERVER, session_for
from frazil.formats.mrc import write_mrc
from frazil.stages.record import MovieRecord, StageRecord
from frazil.store.catalogue import class_updates, movies
from frazil.store.catalogue.schema import class_updates as class_update_table

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tests.e2e.world import World

FIELD_A = 3400.0
_MICROGRAPH_PX, _PREVIEW_PX, _BOX_PX = 400, 800, 64
_PER_MICROGRAPH = 60


def add_products(world: World, newest: int = 60) -> None:
    """Give the newest movies of the main session all products, every other one its pictures."""
    with world.hub.catalogue.read() as connection:
        folder = Path(session_for(connection, SERVER, world.main, "viewer").folder)
        rows = movies.page(connection, world.main, columns=("state",), limit=1000).rows
        updates = class_updates.listed(connection, world.main)
        last = class_updates.get(connection, world.main)
    random = np.random.default_rng(4)
    kinds = [_Micrograph(random) for _ in range(6)]
    done = [row for row in rows if row["state"] == "done"]
    for place, row in enumerate(done):
        kind = kinds[place % len(kinds)]
        kind.write_pictures(folder, row["name"])
        if place < newest:
            kind.write_results(folder, row["name"])
    with world.hub.catalogue.write() as connection:
        for row in done[:newest]:
            record = _record(row["name"])
            movies.change(connection, world.main, row["number"], record=record.model_dump(mode="json"))
        _judge(connection, world.main, last)
    averages = _averages(random, last["class_count"])
    for update in updates:
        blurred = ndimage.gaussian_filter(averages, (0, *(2 * [max(0.1, 3.0 - 0.12 * update["number"])])))
        blurred[-1] = 0.0
        write_mrc(folder / update["folder"] / "classes.mrcs", blurred, 2.5)


class _Micrograph:
    """One made-up micrograph: particles, rings, a drift."""

    def __init__(self, random: np.random.Generator) -> None:
        self.x, self.y = random.uniform(10, _MICROGRAPH_PX - 10, (2, _PER_MICROGRAPH))
        self.score = np.sort(random.uniform(4, 12, _PER_MICROGRAPH))[::-1]
        self.drift = np.cumsum(random.normal(0, 1, (40, 2)) * np.exp(-np.arange(40) / 12)[:, None], axis=0)
        size, scale = _PREVIEW_PX, _PREVIEW_PX / _MICROGRAPH_PX
        picture = random.normal(0, 1.0, (size, size))
        dots = np.zeros((size, size))
        dots[(self.y * scale).astype(int), (self.x * scale).astype(int)] = 1.0
        picture = ndimage.gaussian_filter(picture, 1.5) * 4 - 900 * ndimage.gaussian_filter(dots, 7)
        self.picture = np.clip(140 + 40 * picture, 0, 255).astype(np.uint8)
        radius = np.hypot(*(np.mgrid[:256, :256] - 128.0)) / 256
        rings = np.cos(900 * radius**2) ** 2 * np.exp(-9 * radius)
        self.spectrum = np.clip(255 * rings + random.normal(30, 15, rings.shape), 0, 255).astype(np.uint8)

    def write_pictures(self, folder: Path, name: str) -> None:
        """Write the JPEGs."""
        preview = Image.fromarray(self.picture)
        for kind, size in (("preview", 800), ("picks", 512), ("thumbnail", 192)):
            preview.resize((size, size)).save(folder / "pictures" / f"{name}.{kind}.jpg", quality=80)
        Image.fromarray(self.spectrum).save(folder / "pictures" / f"{name}.spectrum.jpg", quality=85)

    def write_results(self, folder: Path, name: str) -> None:
        """Write what curves and circles are read from."""
        frequency = np.linspace(0.01, 0.3, 200)
        fit = np.sin(np.pi * 0.0197 * 12000 * frequency**2) ** 2
        curves = {
            "frequency_per_a": frequency.tolist(),
            "spectrum": (fit * np.exp(-8 * frequency) + 0.05).tolist(),
            "fit": fit.tolist(),
            "agreement": np.clip(1.1 - 4 * frequency, 0, 1).tolist(),
        }
        (folder / "ctf" / f"{name}.json").write_text(json.dumps(curves))
        nodes = np.zeros((40, 4, 4, 2))
        nodes += np.linspace(0, 2, 40)[:, None, None, None] * np.arange(4)[None, :, None, None] / 3
        np.savez(
            folder / "motion" / f"{name}.npz",
            size_px=np.array([4000, 4000]),
            pixel_size_a=np.array(FIELD_A / 4000),
            global_shift_a=self.drift,
            global_error_a=np.zeros((40, 2)),
            local_nodes_a=nodes,
        )
        table = pa.table({"x_px": self.x, "y_px": self.y, "score": self.score})
        extra = {"threshold": "6.0", "diameter_a": "130.0"}
        pq.write_table(table.replace_schema_metadata(extra), folder / "picks" / f"{name}.parquet")
        blank = np.zeros((_MICROGRAPH_PX, _MICROGRAPH_PX), np.float32)
        write_mrc(folder / "micrographs" / f"{name}.mrc", blank, FIELD_A / _MICROGRAPH_PX, depth="float16")


def _record(name: str) -> MovieRecord:
    at = time.time()
    done = {
        stage: StageRecord(state="done", seconds=1.5, at=at, revision=2, fingerprint="f")
        for stage in ("align", "sum", "ctf", "pick", "extract")
    }
    return MovieRecord(name=name, source=f"{name}.tif", stages=done)  # type: ignore[arg-type]


def _judge(connection: Any, session_id: int, last: dict[str, Any]) -> None:
    """Let the newest entry say how good its classes are: the first third is kept."""
    classes = last["summary"]["classes"]
    for place, item in enumerate(classes):
        item["quality"] = round(1 - place / len(classes), 3)
        item["selected"] = place < len(classes) / 3
        item["reasons"] = ["sharp, many members" if item["selected"] else "blurred"]
    classes[-1]["particles"] = 0
    table = class_update_table
    own = table.c.session_id == session_id, table.c.number == last["number"]
    connection.execute(table.update().where(*own).values(summary=last["summary"]))


def _averages(random: np.random.Generator, count: int) -> NDArray[np.float32]:
    y, x = np.mgrid[:_BOX_PX, :_BOX_PX] / _BOX_PX - 0.5
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    views = []
    for _ in range(count):
        order, phase = random.integers(2, 8), random.uniform(0, 6.28)
        wall = np.exp(-(((radius - 0.24 - 0.03 * np.cos(order * angle + phase)) / 0.045) ** 2))
        inside = 0.5 * np.exp(-((radius / 0.1) ** 2)) * np.cos(2 * angle + phase) ** 2
        views.append(wall * (1 + 0.3 * np.cos(order * angle)) + inside + random.normal(0, 0.05, radius.shape))
    return np.asarray(views, np.float32)
