"""What a thread does for one file: is it whole, what does the microscope say, deliver it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from frazil.formats.complete import check_complete
from frazil.formats.microscope_metadata import (
    SUFFIXES,
    best_folders,
    describe_movie,
    find_side_file,
    read_side_file,
)
from frazil.formats.microscope_names import metadata_from_name
from frazil.formats.movie_shape import MovieShape, read_shape
from frazil.model.errors import FrazilError, InputError, PassingError
from frazil.stages.deliver import Delivered, Order, deliver
from frazil.stages.deliver_compress import can_compress, deliver_compressed
from frazil.stages.deliver_copy import Form
from frazil.stages.deliver_errors import (
    DeliveryCancelledError,
    SourceChangedError,
    SourceVanishedError,
    TransferBlockedError,
    source_error,
)
from frazil.tracks.transfer.events import Finished, GivenBack, Incomplete, Refused, WrittenTo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path, PurePosixPath

    from frazil.model.metadata import MovieMetadata
    from frazil.stages.deliver_copy import Stream
    from frazil.tracks.transfer.files import FileForm
    from frazil.tracks.transfer.patterns import Kind

_LARGEST_SIDE_FILE = 1 << 22
"""Bytes; what is larger is taken along unread."""


@dataclass(frozen=True)
class Job:
    """One file to be examined and delivered.

    Attributes
    ----------
    path, kind, form
        As the state machine has it.
    order
        How it is delivered into the session folder.
    more_roots
        Folders that get a copy besides.
    metadata_folders
        Where the side file may lie, besides the movie's own folder.
    usual_frames, accepted_frames
        Fewer frames than the usual number, or than the side file says, mean that the movie is not whole, save
        for accepted numbers. 0: no number is usual.
    counts_frames
        Whether that is looked at.
    compress
        Whether an integer MRC is delivered as TIFF.
    known_references
        Gain references and defect lists that were delivered already.
    allowed
        Whether the server may read a path.
    """

    path: str
    kind: Kind
    form: FileForm
    order: Order
    more_roots: tuple[Path, ...] = ()
    metadata_folders: tuple[Path, ...] = ()
    usual_frames: int = 0
    accepted_frames: frozenset[int] = frozenset()
    counts_frames: bool = True
    compress: bool = False
    known_references: frozenset[PurePosixPath] = frozenset()
    allowed: Callable[[Path], bool] = field(default=lambda _: True)


@dataclass(frozen=True)
class Report:
    """How a job ended.

    Attributes
    ----------
    event
        What the state machine is told.
    delivered, metadata, shape, seconds
        Of a file that was delivered.
    references
        Gain references and defect lists that were delivered with it: path below ``raw/``.
    notes
        What a person should know.
    blocked
        Why nothing can be delivered at present; empty where it can.
    """

    event: Finished | Incomplete | Refused | WrittenTo | GivenBack
    delivered: Delivered | None = None
    metadata: MovieMetadata | None = None
    shape: MovieShape | None = None
    seconds: float = 0.0
    references: tuple[PurePosixPath, ...] = ()
    notes: tuple[str, ...] = ()
    blocked: str = ""


def run_job(job: Job, stream: Stream) -> Report:
    """Do it; whatever goes wrong is in the report, save what nobody has thought of."""
    try:
        return _run(job, stream)
    except SourceChangedError:
        return Report(WrittenTo(job.path))
    except SourceVanishedError:
        # The next look tells that it is gone.
        return Report(WrittenTo(job.path))
    except TransferBlockedError as error:
        return Report(GivenBack(job.path), blocked=str(error))
    except DeliveryCancelledError:
        return Report(GivenBack(job.path))
    except PassingError as error:
        return Report(Refused(job.path, str(error), passing=True))
    except FrazilError as error:
        return _gone(job) or Report(Refused(job.path, str(error), passing=False))
    except OSError as error:
        return _gone(job) or Report(Refused(job.path, f"{job.order.source}: {error.strerror}", passing=True))


def _gone(job: Job) -> Report | None:
    """Tell trouble with a file from a share that went away under it."""
    try:
        job.order.source.stat()
    except OSError as error:
        trouble = source_error(job.order.source, job.order.source_root, error)
        if isinstance(trouble, TransferBlockedError):
            return Report(GivenBack(job.path), blocked=str(trouble))
        if isinstance(trouble, SourceVanishedError):
            return Report(WrittenTo(job.path))
    return None


def _run(job: Job, stream: Stream) -> Report:
    began = time.monotonic()
    source = job.order.source
    if not job.allowed(source):
        raise InputError(f"{source}: leads outside the folders this server may read; it is not taken")
    shape = None
    if job.kind == "movie" or (source.suffix.lower() in SUFFIXES and job.form.size <= _LARGEST_SIDE_FILE):
        whole = check_complete(source)
        if not whole.ok:
            return Report(Incomplete(job.path, whole.reason))
    if job.kind == "movie":
        shape = _shape(source)
    metadata, notes = _metadata(job, shape)
    if short := _short(job, shape, metadata):
        return Report(short)
    delivered = _deliver(job, stream)
    references, more_notes = _references(job, metadata, stream)
    return Report(
        Finished(job.path, job.form, shape.frames if shape is not None and shape.kind != "EER" else None),
        delivered,
        metadata,
        shape,
        time.monotonic() - began,
        references,
        (*notes, *more_notes),
    )


def _shape(source: Path) -> MovieShape | None:
    try:
        return read_shape(source)
    except InputError:
        # A packed movie: its size shows when it is read.
        return None


def _metadata(job: Job, shape: MovieShape | None) -> tuple[MovieMetadata | None, tuple[str, ...]]:
    source = job.order.source
    try:
        if job.kind == "extra":
            return (read_side_file(source) if source.suffix.lower() in SUFFIXES else None), ()
        side_file = find_side_file(source, best_folders(job.metadata_folders, source))
        if side_file is not None and not job.allowed(side_file):
            raise InputError(f"{side_file}: leads outside the folders this server may read; it is not read")
        size = (shape.width_px, shape.height_px) if shape is not None else None
        return describe_movie(source, side_file, size), ()
    except (InputError, PassingError) as error:
        # A movie is not held up by what is told about it.
        return (metadata_from_name(source) if job.kind == "movie" else None), (str(error),)


def _short(job: Job, shape: MovieShape | None, metadata: MovieMetadata | None) -> Incomplete | None:
    """Say that a movie has fewer frames than it should have; EER has what the camera's clock gave it."""
    if shape is None or shape.kind == "EER" or not job.counts_frames:
        return None
    told = metadata.frames if metadata is not None and metadata.frames is not None else 0
    expected = told or job.usual_frames
    if shape.frames >= expected or shape.frames in job.accepted_frames:
        return None
    return Incomplete(
        job.path,
        f"{job.order.source.name}: truncated: {shape.frames} of {expected} frames",
        shape.frames,
    )


def _deliver(job: Job, stream: Stream) -> Delivered:
    order = job.order
    compress = job.compress and order.mode in ("copy", "move") and can_compress(order.source)
    one = deliver_compressed if compress else deliver
    for root in job.more_roots:
        # First, so that what the session has is also there.
        one(replace(order, target_root=root, mode="copy", replaces=order.replaces), stream)
    return one(order, stream)


def _references(
    job: Job, metadata: MovieMetadata | None, stream: Stream
) -> tuple[tuple[PurePosixPath, ...], tuple[str, ...]]:
    """Take along gain reference and defect list that an mdoc names; their failure fails nothing."""
    if metadata is None or job.order.mode == "in_place":
        return (), ()
    done, notes = [], []
    for name in (metadata.gain_name, metadata.defect_name):
        source = job.order.source.with_name(name) if name and name not in (".", "..") else None
        target = job.order.relative.with_name(name) if source is not None and name else None
        if source is None or target is None or target in job.known_references or not source.is_file():
            continue
        try:
            if not job.allowed(source):
                continue
            order = replace(job.order, source=source, form=Form.of(source.stat()), relative=target)
            deliver(order if order.mode == "link" else replace(order, mode="copy"), stream)
        except (FrazilError, OSError) as error:
            notes.append(f"{source}: was not taken along: {error}")
        done.append(target)
    return tuple(done), tuple(notes)
