"""Turns a file that may be delivered into a job for a thread."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from frazil.stages.deliver import Order
from frazil.stages.deliver_copy import Form
from frazil.tracks.transfer.companions import METADATA
from frazil.tracks.transfer.job import Job
from frazil.tracks.transfer.names import raw_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import PurePosixPath

    from frazil.tracks.transfer.files import File, FrameCounts
    from frazil.tracks.transfer.plan import Plan


class Orders:
    """Makes jobs.

    Parameters
    ----------
    plan
        What the settings say.
    session
        The session folder.
    allowed
        Whether the server may read a path.
    """

    def __init__(self, plan: Plan, session: Path, allowed: Callable[[Path], bool]) -> None:
        self._plan, self._session, self._allowed = plan, session, allowed
        self._references: set[PurePosixPath] = set()
        self._side_folders: dict[str, set[Path]] = defaultdict(set)

    def add_side_file(self, movie: str, path: str) -> None:
        """Note that a side file in the second tree belongs to a movie."""
        if path.removeprefix(self._plan.prefix).startswith(METADATA):
            self._side_folders[movie].add(self._plan.source_of(path).parent)

    def add_references(self, places: tuple[PurePosixPath, ...]) -> None:
        """Note gain references and defect lists that were delivered."""
        self._references.update(places)

    def job(self, file: File, frames: FrameCounts) -> Job:
        """Make the job for a file."""
        plan, transfer = self._plan, self._plan.settings.transfer
        copies = plan.mode in ("copy", "move")
        order = Order(
            source=plan.source_of(file.path),
            source_root=plan.root_of(file.path),
            form=Form(*file.form),
            target_root=self._session / "raw",
            relative=self.place(file),
            mode=plan.mode,
            reread=transfer.verify_copies == "reread",
            min_free_bytes=int(transfer.min_free_gb * 1e9) if copies else 0,
            replaces=file.replaces,
        )
        return Job(
            path=file.path,
            kind=file.kind,
            form=file.form,
            order=order,
            more_roots=tuple(Path(folder) for folder in transfer.extra_destinations),
            metadata_folders=tuple(self._side_folders.get(file.path, ())),
            usual_frames=frames.usual,
            accepted_frames=frames.accepted,
            counts_frames=plan.counts_frames,
            compress=transfer.movie_compression == "tiff",
            known_references=frozenset(self._references),
            allowed=self._allowed,
        )

    def place(self, file: File) -> PurePosixPath:
        """Where a file goes below ``raw/``: a side file of the second tree beside its movie."""
        if file.path.removeprefix(self._plan.prefix).startswith(METADATA):
            folder, name = file.movie.rpartition("/")[0], file.path.rpartition("/")[2]
            return raw_path(f"{folder}/{name}" if folder else name)
        return raw_path(file.path)
