"""One movie of Warp's becomes one of the session: a record, a particle table, a link to Warp's stack."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from frazil.formats.atomic import atomic_path
from frazil.stages.products import Products
from frazil.stages.record import MovieRecord, StageRecord
from frazil.stages.record_file import store_record
from frazil.tracks.follow_warp.picture import make_pictures

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.formats.warp_movie import WarpMovie
    from frazil.formats.warp_particles import WarpBlock
    from frazil.model.settings import Stage
    from frazil.stages.record import State

WORKER = "Warp"
_BY_WARP: tuple[Stage, ...] = ("align", "sum", "pick")
_CTF = (
    "defocus_u_a",
    "defocus_v_a",
    "defocus_mean_a",
    "astigmatism_a",
    "astigmatism_angle_deg",
    "phase_shift_deg",
    "ctf_resolution_a",
)


@dataclass(frozen=True)
class Images:
    """The particles of a movie, whose stack may be used.

    Attributes
    ----------
    block, stack, stack_signature
        What the table says, and the stack (absolute) as it was when it was found to be whole.
    box_px, pixel_size_a, average_pixel_size_a
        Of the images, and of the average in whose pixels picks are counted.
    """

    block: WarpBlock
    stack: Path
    stack_signature: str
    box_px: int
    pixel_size_a: float
    average_pixel_size_a: float

    @property
    def signature(self) -> str:
        """Name the particles: equal signatures, equal images with equal CTF."""
        return f"{self.block.digest()}:{self.stack_signature}"


@dataclass(frozen=True)
class Found:
    """What is known of a movie.

    Attributes
    ----------
    name, source
        In the session, and its XML file.
    xml, xml_signature
        What Warp says of it; None where there is no XML (yet).
    thumbnail
        Warp's picture of the average; None where there is none.
    block
        Its rows of the particle table, usable or not.
    images
        None where there are no particles that may be used.
    failure
        Why its particles were set aside; empty where they were not.
    revision, diameter_a
        Of the settings it belongs to; diameter of particles.
    now
        Seconds since 1970.
    """

    name: str
    source: Path
    xml: WarpMovie | None
    xml_signature: str
    thumbnail: Path | None
    block: WarpBlock | None
    images: Images | None
    failure: str
    revision: int
    diameter_a: float
    now: float


def take_in(session: Path, found: Found) -> MovieRecord:
    """Write what the session holds of a movie, the record last; returns the record."""
    record = MovieRecord(name=found.name, source=str(found.source))
    files = Products(session, found.name)
    if found.xml is not None or found.block is not None:
        made = {"sum": make_pictures(files, found.thumbnail)}
        for stage in _BY_WARP:
            products = [files.relative(picture) for picture in made.get(stage, ())]
            _note(record, found, stage, {}, state="done" if products else "skipped", products=products)
        _note(record, found, "ctf", _ctf(found), state="skipped", fingerprint=found.xml_signature)
        record.put_numbers(_exposure(found))
    images = found.images
    if images is not None:
        record.source_signature = images.signature
        _write_table(files, images)
        _link(files.particles, images.stack)
        products = [files.relative(files.particles), files.relative(files.particle_table)]
        numbers = {
            "particles": float(len(images.block)),
            "picks": float(len(images.block)),
            "particle_pixel_size_a": images.pixel_size_a,
            "micrograph_pixel_size_a": images.average_pixel_size_a,
            "particle_box_px": float(images.box_px),
            "particle_diameter_a": found.diameter_a,
        }
        _note(record, found, "extract", numbers, fingerprint=images.signature, products=products)
    else:
        files.particle_table.unlink(missing_ok=True)
        if found.failure:
            record.stages["extract"] = StageRecord(
                state="failed", reason=found.failure, revision=found.revision, worker=WORKER, at=found.now
            )
    store_record(session, record)
    return record


def _note(
    record: MovieRecord,
    found: Found,
    stage: Stage,
    numbers: Mapping[str, float | None],
    *,
    state: State = "done",
    fingerprint: str = "",
    products: list[str] | None = None,
) -> None:
    record.stages[stage] = StageRecord(
        state=state,
        reason="Warp did this" if state == "skipped" else "",
        fingerprint=fingerprint,
        revision=found.revision,
        worker=WORKER,
        at=found.now,
        products=products or [],
        numbers=list(numbers),
    )
    record.put_numbers(numbers)


def _ctf(found: Found) -> dict[str, float | None]:
    """Return the CTF of the movie: by its XML, else the mean of its particles."""
    xml, block = found.xml, found.block
    numbers: dict[str, float | None] = dict.fromkeys(_CTF)
    if xml is not None and xml.defocus_u_a is not None and xml.defocus_v_a is not None:
        u_a, v_a = xml.defocus_u_a, xml.defocus_v_a
        angle_deg, phase_deg = xml.astigmatism_angle_deg, xml.phase_shift_deg
        resolution_a = xml.ctf_resolution_a
    elif block is not None and len(block):
        u_a, v_a = float(block.defocus_u_a.mean()), float(block.defocus_v_a.mean())
        angle_deg, phase_deg = float(block.astigmatism_angle_deg[0]), float(block.phase_shift_deg.mean())
        resolution_a = None
    else:
        return numbers
    if resolution_a is None and block is not None:
        resolution_a = block.ctf_resolution_a
    mean_a, difference_a = (u_a + v_a) / 2, u_a - v_a
    values = (u_a, v_a, mean_a, difference_a, angle_deg, phase_deg, resolution_a)
    return dict(zip(_CTF, values, strict=True))


def _exposure(found: Found) -> dict[str, float | None]:
    xml = found.xml
    if xml is None:
        return {}
    return {
        "frames": xml.frames,
        "contaminated_fraction": xml.masked_fraction,
        "warp_frame_movement_a": xml.mean_frame_movement_a,
    }


def _write_table(files: Products, images: Images) -> None:
    """Write the particle table in the form of `frazil.stages.extraction`."""
    block, count = images.block, len(images.block)
    order = np.argsort(block.index)
    table = pa.table(
        {
            "micrograph": pa.array([files.relative(files.micrograph)] * count).dictionary_encode(),
            "x_px": block.x_px[order],
            "y_px": block.y_px[order],
            "box_x_px": _whole(block.x_px[order]),
            "box_y_px": _whole(block.y_px[order]),
            "score": np.zeros(count),
            "stack": pa.array([files.relative(files.particles)] * count).dictionary_encode(),
            "stack_index": block.index[order],
            "particle_id": block.index[order],
            "defocus_u_a": block.defocus_u_a[order],
            "defocus_v_a": block.defocus_v_a[order],
            "astigmatism_angle_deg": block.astigmatism_angle_deg[order],
            "phase_shift_deg": block.phase_shift_deg[order],
            "optics_group": np.ones(count, np.int32),
        }
    )
    extra = {
        "schema_version": "1",
        "pixel_size_a": repr(images.pixel_size_a),
        "micrograph_pixel_size_a": repr(images.average_pixel_size_a),
        # The images of a stack stay what they are as long as it does; only their CTF may change.
        "lineage": f"warp-{block.stack}-{images.stack_signature}",
        "stack_signature": images.stack_signature,
    }
    if block.amplitude_contrast is not None:
        extra["amplitude_contrast"] = repr(block.amplitude_contrast)
    with atomic_path(files.particle_table) as part:
        pq.write_table(table.replace_schema_metadata(extra), part)


def _whole(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(np.nan_to_num(values)).astype(np.int64)


def _link(link: Path, stack: Path) -> None:
    """Let a link of the session lead to Warp's stack, which is read where it lies."""
    if link.is_symlink() and os.readlink(link) == str(stack):  # noqa: PTH115 - as text
        return
    part = link.with_name(f".{link.name}.part")
    part.unlink(missing_ok=True)
    part.symlink_to(stack)
    os.replace(part, link)  # noqa: PTH105 - one moment
