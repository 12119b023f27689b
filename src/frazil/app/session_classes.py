"""2D classification of a session: when it is needed, where it is kept."""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from frazil.model.classes import ParticleCtf
from frazil.model.optics import Optics
from frazil.model.settings_stages import classification_fingerprint
from frazil.stages.classify_task import ClassifyTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from frazil.model.settings import Settings
    from frazil.stages.record import MovieRecord
    from frazil.store.particles import ParticleTable
    from frazil.store.session import SessionFolder

_MASK_DIAMETERS = 0.6
FEWEST_PARTICLES = 20
FEWEST_PARTICLES_PER_CLASS = 10


@dataclass(frozen=True)
class ClassUpdate:
    """One entry of the class history, as far as tables need it.

    Attributes
    ----------
    folder
        Relative to the session folder.
    summary
        As in ``summary.json``.
    stacks, stack_index, class_id, psi_deg, shift_x_a, shift_y_a, posterior, log_evidence
        Of each classified particle.
    """

    folder: str
    summary: dict[str, Any]
    stacks: tuple[str, ...]
    stack_index: NDArray[np.int64]
    class_id: NDArray[np.int32]
    psi_deg: NDArray[np.float32]
    shift_x_a: NDArray[np.float32]
    shift_y_a: NDArray[np.float32]
    posterior: NDArray[np.float32]
    log_evidence: NDArray[np.float32]


def good_micrographs(records: Sequence[MovieRecord], settings: Settings) -> list[MovieRecord]:
    """Micrographs whose particles are classified: those with a CTF that fits well enough."""
    limit = settings.classification.max_ctf_resolution_a
    return [
        record
        for record in records
        if record.number("particles") > 0 and record.number("ctf_resolution_a") <= limit
    ]


def fingerprint(records: Sequence[MovieRecord], settings: Settings) -> str:
    """Fingerprint of the classification of these micrographs."""
    particles = {record.name: record.stage("extract").fingerprint for record in records}
    return classification_fingerprint(settings, particles)


def newest_update(session: SessionFolder) -> ClassUpdate | None:
    """Read the newest entry of the class history."""
    folders = _updates(session)
    if not folders:
        return None
    folder = folders[-1]
    path = session.path / folder
    table = pq.read_table(path / "assignments.parquet")

    def column(name: str) -> Any:
        return table.column(name).to_numpy()

    return ClassUpdate(
        folder=folder,
        summary=json.loads((path / "summary.json").read_bytes()),
        stacks=tuple(str(stack) for stack in table.column("stack").to_pylist()),
        stack_index=column("stack_index"),
        class_id=column("class_id"),
        psi_deg=column("psi_deg"),
        shift_x_a=column("shift_x_a"),
        shift_y_a=column("shift_y_a"),
        posterior=column("posterior"),
        log_evidence=column("log_evidence"),
    )


def _updates(session: SessionFolder) -> list[str]:
    """Folders of the class history, oldest first."""
    found = [
        (int(match[1]), int(match[2]), path)
        for path in (session.path / "classes").glob("*/*/summary.json")
        if (
            match := re.fullmatch(
                r"run(\d+)/update(\d+)", path.parent.relative_to(session.path / "classes").as_posix()
            )
        )
    ]
    return [path.parent.relative_to(session.path).as_posix() for _, _, path in sorted(found)]


def classify_task(
    session: SessionFolder,
    particles: ParticleTable,
    records: Sequence[MovieRecord],
    settings: Settings,
    device: str,
) -> ClassifyTask:
    """Describe the classification of these particles as a new run; a number is never used again."""
    updates = _updates(session)
    number = 1 + max((int(folder.split("/")[1].removeprefix("run")) for folder in updates), default=0)
    classification, microscope = settings.classification, settings.microscope
    diameter = max(record.number("particle_diameter_a") for record in records)
    radius = classification.mask_radius_a or _MASK_DIAMETERS * diameter
    box_a = max(record.number("particle_box_px") for record in records) * particles.pixel_size_a
    stacks = particles.texts("stack")
    seed = classification.random_seed
    optics = Optics(microscope.voltage_kv or 300.0, microscope.cs_mm, microscope.amplitude_contrast)
    return ClassifyTask(
        stacks=tuple(session.path / stack for stack in stacks),
        index=particles.numbers("stack_index").astype(np.int64),
        names=tuple(stacks),
        ctf=ParticleCtf(
            optics=optics,
            defocus_u_a=particles.numbers("defocus_u_a"),
            defocus_v_a=particles.numbers("defocus_v_a"),
            astigmatism_angle_deg=particles.numbers("astigmatism_angle_deg"),
            phase_shift_deg=particles.numbers("phase_shift_deg"),
        ),
        pixel_size_a=particles.pixel_size_a,
        classes=classification.class_count,
        mask_radius_a=min(radius, 0.48 * box_a),
        initial_resolution_a=classification.initial_resolution_a,
        final_resolution_a=max(classification.final_resolution_a, 2.0 * particles.pixel_size_a),
        seed=seed if seed is not None else zlib.crc32(session.id.encode()) & 0x7FFFFFFF,
        folder=session.path / "classes" / f"run{number:03d}" / "update001",
        fingerprint=fingerprint(records, settings),
        automask=classification.automask,
        autocentre=classification.autocentre,
        device=device,
        depth=settings.alignment.output_depth,
    )
