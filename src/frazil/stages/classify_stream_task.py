"""What a worker needs to know to go on with a 2D classification, and what it answers. Loads no torch.

The work itself is in `frazil.stages.classify_stream`, called on a worker, which may be killed at any moment:

``stream_batch(task: StreamTask) -> StreamResult``
    Streaming. Takes new particles in, withdraws others, revisits old ones, writes the checkpoint of the run,
    and publishes an entry of the class history if asked to.
``batch_cycle(task: CycleTask) -> CycleResult``
    Scheduled modes. One cycle of *Ab initio*, *Seeded start-up* or *Refinement*: one entry of the history.

Rules of both:

- ``state`` is the folder of one run's checkpoint (and of the particles' samples). It is made if new. A
  checkpoint replaces the one before in one moment: a worker killed in the middle costs that batch or cycle
  and nothing else; the same task given again does the same again.
- A task is known by its content: a particle whose key is there already is not added twice (with other
  CTF values or another image it replaces the one there, and is visited again), and withdrawing a key that
  isn't there does nothing. So a task whose answer was lost can simply be given again.
- ``publish`` names a folder that must not exist (`FileExistsError`), unless it holds this very state: then it
  is left. It appears whole or not at all, after the checkpoint, with ``classes.mrcs``, ``classes.jpg``,
  ``assignments.parquet``, ``summary.json``.
- ``class_id`` (in assignments and summary) is the slice of ``classes.mrcs``, from 1: a class keeps it while
  it lives. ``stable_id`` is never used twice in a run; a slice that is re-seeded gets a new one, with
  ``parents`` (stable ids) where it was split off or merged. Assignments also hold ``key``; class_id is 0 for
  junk.
- A run has one worker at a time. Bad settings and unreadable stacks raise `InputError`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.model.classes import ParticleCtf

CycleKind = Literal["random_seed", "startup", "refinement"]
Phase = Literal["waiting", "seeding", "following"]


@dataclass(frozen=True)
class StreamParticles:
    """P particles and where their images are.

    Attributes
    ----------
    keys
        Shape (P,), int64, not negative: a number that names the particle for the whole run. Results are the
        same only for the same keys.
    stacks, names
        The distinct image stacks (absolute), and their names in the result.
    stack_of, index
        Shape (P,): which of the stacks, and the place in it from 0.
    ctf
        CTF of each.
    """

    keys: NDArray[np.int64]
    stacks: tuple[Path, ...]
    names: tuple[str, ...]
    stack_of: NDArray[np.int64]
    index: NDArray[np.int64]
    ctf: ParticleCtf


@dataclass(frozen=True)
class StreamSettings:
    """How a run classifies.

    Attributes
    ----------
    pixel_size_a, mask_radius_a, class_count
        Fixed for a run (a change needs a new ``state`` folder), like the particles' box.
    initial_resolution_a, final_resolution_a
        Where the limit starts, and the finest it gets, Å. The final one of the first task holds for the run;
        a coarser one later on is obeyed.
    start_particles
        Streaming waits until it has so many.
    revisits
        Old particles visited for each new one.
    seed
        Same seed and same tasks: same result.
    automask, autocentre
        May change at any time.
    """

    pixel_size_a: float
    mask_radius_a: float
    class_count: int = 50
    initial_resolution_a: float = 40.0
    final_resolution_a: float = 8.0
    start_particles: int = 2000
    revisits: float = 2.0
    seed: int = 0
    automask: bool = False
    autocentre: bool = True


@dataclass(frozen=True)
class Publication:
    """An entry of the class history.

    Attributes
    ----------
    folder
        Such as ``classes/run001/update004``, absolute; must not exist.
    fingerprint, extra
        Go into ``summary.json``: what the session knows of this entry (number, kind, revision, …).
    previous
        Folder of the entry before in the same run; tells how many particles moved since.
    """

    folder: Path
    fingerprint: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    depth: Literal["float16", "float32"] = "float16"
    previous: Path | None = None


@dataclass(frozen=True)
class StreamTask:
    """One batch of a stream.

    Attributes
    ----------
    state, settings
        The run.
    particles
        New ones, None for none. Best given in portions of about max(200, 10 classes) to 1,000; larger ones
        are cut into batches, each with its checkpoint.
    withdrawn
        Keys of particles to take out exactly.
    idle_visits
        So many old particles may be visited besides, because there is time.
    final_pass
        Visit every particle once more at the end, and bring the averages to the finest they support.
    publish
        Write an entry of the history at the end; ignored while the run still waits for particles.
    """

    state: Path
    settings: StreamSettings
    particles: StreamParticles | None = None
    withdrawn: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    idle_visits: int = 0
    final_pass: bool = False
    publish: Publication | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class StreamResult:
    """What a batch came to.

    Attributes
    ----------
    phase
        ``waiting`` for the first particles, ``seeding`` (not all classes yet), ``following``.
    particles, added, withdrawn, visits
        In the run now; taken in and taken out by this task; particles looked at.
    classes_in_use, limit_a
        Classes with members, and the resolution compared to, Å (inf while waiting).
    structure_changes
        Classes born, split, merged or re-seeded since the last publication.
    mean_log_evidence, moved_share
        Of the particles visited: nats over pure noise, and the share that changed their class.
    summary
        ``summary.json`` if published, else None.
    notes
        Things a person should know, one sentence each; what only averages show (their contrast) is among
        them where an entry was published.
    """

    phase: Phase
    particles: int
    added: int
    withdrawn: int
    visits: int
    classes_in_use: int
    limit_a: float
    structure_changes: int
    mean_log_evidence: float
    moved_share: float
    seconds: float
    summary: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CycleTask:
    """One cycle of a scheduled mode.

    Attributes
    ----------
    kind
        ``random_seed``: averages of random subsets, no alignment; a run of *Ab initio* begins with it.
        ``startup`` and ``refinement``: align, assign, average.
    limit_a
        Resolution compared to in this cycle, Å.
    fraction, max_particles
        Share of the particles visited, drawn anew in each cycle, and the most of them (0: no limit).
    assign_all
        The rest is visited too, after the averages are made (last cycle of a job).
    particles, withdrawn
        As in `StreamTask`; particles absorbed between cycles come here.
    source
        Folder of an earlier entry of the history whose averages begin the run; for the first cycle of
        *Seeded start-up* or *Refinement* in a new ``state``. Ignored where ``state`` has a checkpoint.
    cycle
        Number of the cycle in the run, from 0; with the seed it decides what is drawn.
    """

    state: Path
    settings: StreamSettings
    kind: CycleKind
    limit_a: float
    cycle: int
    publish: Publication
    particles: StreamParticles | None = None
    withdrawn: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    fraction: float = 1.0
    max_particles: int = 0
    assign_all: bool = False
    source: Path | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class CycleResult:
    """What a cycle came to; the numbers as in `StreamResult`."""

    particles: int
    visits: int
    classes_in_use: int
    mean_log_evidence: float
    moved_share: float
    seconds: float
    summary: dict[str, Any]
    notes: tuple[str, ...] = ()
