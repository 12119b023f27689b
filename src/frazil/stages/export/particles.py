"""The particles of an export: columns of all micrographs together, with their classes."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from frazil.model.errors import InputError
from frazil.model.words import plural
from frazil.stages.export.gather import PARTICLE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.stages.export.gather import Gathered
    from frazil.stages.export.progress import Progress
    from frazil.stages.export.request import ChosenClasses

_CLASS_COLUMNS = {
    "class_id": np.int32,
    "psi_deg": np.float32,
    "shift_x_a": np.float32,
    "shift_y_a": np.float32,
    "posterior": np.float32,
    "log_evidence": np.float32,
}


@dataclass(frozen=True)
class ParticleSet:
    """Particles in the order of their micrographs.

    Attributes
    ----------
    movie
        Shape (P,): place of the micrograph in the export.
    columns
        `PARTICLE_COLUMNS`, each of shape (P,).
    classes
        class_id (0: none), psi_deg, shift_x_a, shift_y_a, posterior, log_evidence, each of shape (P,); None
        without an entry of the class history.
    """

    movie: NDArray[np.int32]
    columns: dict[str, NDArray[Any]]
    classes: dict[str, NDArray[Any]] | None = None

    def __len__(self) -> int:
        return int(self.movie.size)

    def __getitem__(self, rows: NDArray[Any]) -> ParticleSet:
        return ParticleSet(
            self.movie[rows],
            {name: values[rows] for name, values in self.columns.items()},
            None if self.classes is None else {name: values[rows] for name, values in self.classes.items()},
        )


def join_particles(movies: Sequence[Gathered]) -> ParticleSet:
    """Put the particles of all movies together; the movies let go of theirs."""
    with_particles = [place for place, movie in enumerate(movies) if movie.particles is not None]
    counts = [len((movies[place].particles or {})["stack_index"]) for place in with_particles]
    columns = {}
    for name in PARTICLE_COLUMNS:
        kind = np.int32 if name == "stack_index" else np.float64
        parts = [(movies[place].particles or {})[name] for place in with_particles]
        columns[name] = np.concatenate(parts).astype(kind, copy=False) if parts else np.zeros(0, kind)
    for place in with_particles:
        movies[place].particles = {}
    return ParticleSet(np.repeat(np.array(with_particles, np.int32), counts), columns)


def with_classes(
    particles: ParticleSet,
    movies: Sequence[Gathered],
    session: Path,
    chosen: ChosenClasses,
    progress: Progress,
) -> ParticleSet:
    """Add what an entry of the class history says; particles that it doesn't know have class 0.

    Particles that were extracted anew since then are not those that it classified.
    """
    path = session / chosen.folder / "assignments.parquet"
    try:
        table = pq.read_table(path, columns=["stack", "stack_index", *_CLASS_COLUMNS])
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path}: can't be read ({error}); choose another update, or no classes") from error
    place_of = {f"particles/{movie.movie.name}.mrcs": place for place, movie in enumerate(movies)}
    stale = {
        place
        for place, movie in enumerate(movies)
        if (movie.record.stage("extract").at or 0.0) > chosen.finished_at
    }
    stack = table.column("stack").combine_chunks()
    if not pa.types.is_dictionary(stack.type):
        stack = pc.dictionary_encode(stack)
    places = np.array([place_of.get(name, -1) for name in stack.dictionary.to_pylist()], np.int64)
    classified = set(places[np.unique(stack.indices.to_numpy())].tolist()) if len(places) else set()
    for number, what in (
        (len(stale & classified), "extracted anew"),
        (len(stale - classified), "extracted"),
    ):
        if number:
            progress.note(
                f"{plural(number, 'micrograph was', 'micrographs were')} {what} after class update "
                f"{chosen.number}: their particles have no class in it"
            )
    strange = set(np.unique(particles.movie).tolist()) - stale - classified
    if strange:
        progress.note(
            f"class update {chosen.number} holds no particle of {plural(len(strange), 'micrograph')} "
            "(another box or pixel, or left out by its input filter): these particles have no class in it"
        )
    places[np.isin(places, list(stale))] = -1
    found = places[stack.indices.to_numpy()] if len(places) else np.zeros(0, np.int64)
    key = (found << 32) | table.column("stack_index").to_numpy().astype(np.int64)
    rows = np.flatnonzero(found >= 0)
    rows = rows[np.argsort(key[rows], kind="stable")]
    known_keys = key[rows]
    own = (particles.movie.astype(np.int64) << 32) | particles.columns["stack_index"].astype(np.int64)
    at = np.searchsorted(known_keys, own)
    at[at == known_keys.size] = 0
    known = known_keys[at] == own if known_keys.size else np.zeros(own.size, bool)
    classes = {}
    for name, kind in _CLASS_COLUMNS.items():
        values = np.zeros(own.size, kind)
        values[known] = table.column(name).to_numpy()[rows[at[known]]]
        classes[name] = values
    return replace(particles, classes=classes)


def in_classes(particles: ParticleSet, classes: Sequence[int] | None) -> ParticleSet:
    """Keep the particles of these classes; None: all of them."""
    if classes is None or particles.classes is None:
        return particles
    return particles[np.isin(particles.classes["class_id"], list(classes))]


def forget_images(movies: Sequence[Gathered], particles: ParticleSet) -> None:
    """Movies of which no particle was chosen have no images: no optics group is written for these."""
    used = set(np.unique(particles.movie).tolist())
    for place, movie in enumerate(movies):
        if place not in used:
            movie.image_pixel_size_a, movie.image_size_px = 0.0, 0


def read_summary(session: Path, chosen: ChosenClasses) -> dict[str, Any]:
    """Read the numbers of an entry of the class history."""
    path = session / chosen.folder / "summary.json"
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: can't be read ({error}); choose another update, or no classes") from error
    return content
