"""The folder in which a running classification lasts: one checkpoint, columns, samples.

``checkpoint.npz`` holds the sums, the numbers of the run, and the columns of those particles that the last
batch touched. It replaces the one before in one moment: that is the commit. Only then are the columns written
to their files, which can be done again any number of times: whoever opens the folder does it once more first.
So a process killed at any moment leaves the state of its last commit, and a commit costs as much as the batch
was large, however many particles there are. The disk takes the columns while the next batch is computed: they
have to be there only before the next commit takes the place of the one that can do it again.

Samples of particles that no commit knows yet are written straight away. Those of known particles are only
ever changed in a copy of the file, which counts from the next commit on.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.compute.classify2d.bank import COLUMNS, Bank
from frazil.formats.atomic import atomic_path
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_CHECKPOINT = "checkpoint.npz"
_STACKS = "stacks.txt"
SCHEMA_VERSION = 2
# Columns that every visit changes lie side by side: visits are scattered over the whole file, and each place
# that is touched costs a page. Each of the other columns has a file of its own.
_SIDE_BY_SIDE = (
    "evidence",
    "pose",
    "top_slot",
    "top_probability",
    "draw_slot",
    "draw_pose",
    "draw_weight",
)
_FILES = {"visit": _SIDE_BY_SIDE} | {name: (name,) for name in COLUMNS if name not in _SIDE_BY_SIDE}


def _record(names: tuple[str, ...]) -> np.dtype[Any]:
    """One particle in a file of these columns."""
    return np.dtype([(name, *COLUMNS[name][:2]) for name in names])


class StateFolder:
    """One run's folder.

    Attributes
    ----------
    numbers
        What the last commit said of the run, ready for JSON; empty for a new run.
    arrays
        Its arrays: sums and noise.
    bank
        The particles.
    stacks
        (path, name) of the image stacks, in the order of the column ``stack``.
    """

    def __init__(self, path: Path, sample_shape: tuple[int, int]) -> None:
        self.path = path
        self.numbers: dict[str, Any] = {}
        self.arrays: dict[str, NDArray[Any]] = {}
        self.bank = Bank.empty()
        self.stacks: list[tuple[str, str]] = []
        self._sample_shape = sample_shape
        self._generation = 0
        self._committed = 0
        # Returns when the disk has the columns of the last commit; raises what the disk said.
        self._save_columns: Callable[[], None] = partial(_flush_files, [])
        path.mkdir(parents=True, exist_ok=True)
        for unfinished in path.glob(".*.part"):
            unfinished.unlink(missing_ok=True)
        if (path / _CHECKPOINT).exists():
            self._open()
        else:
            self._clear()

    @staticmethod
    def peek(path: Path) -> dict[str, Any]:
        """Read what the run in a folder was begun with (`numbers["fixed"]`); empty for a new run."""
        if not (path / _CHECKPOINT).exists():
            return {}
        fixed: dict[str, Any] = _read_head(path / _CHECKPOINT)["numbers"]["fixed"]
        return fixed

    def _clear(self) -> None:
        """Remove what a run left that died before its first commit."""
        for left in (*self.path.glob("*.column"), *self.path.glob("samples-*"), self.path / _STACKS):
            left.unlink(missing_ok=True)

    def _open(self) -> None:
        head = _read_head(self.path / _CHECKPOINT)
        with np.load(self.path / _CHECKPOINT, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files if name != "head"}
        self.numbers = head["numbers"]
        self._generation = head["generation"]
        self._committed = head["count"]
        rows = arrays.pop("rows")
        changed = {name: arrays.pop(f"column_{name}") for name in COLUMNS}
        self.arrays = arrays
        self._write_columns(rows, changed)
        # Beside the batch that comes now, not after the commit: nobody would hear there what the disk says.
        beside = ThreadPoolExecutor(1, "save-columns")
        self._save_columns = beside.submit(self._save_columns).result
        beside.shutdown(wait=False)
        self.bank = self._mapped(head["count"])
        lines = (self.path / _STACKS).read_text(encoding="utf-8").splitlines() if head["stacks"] else []
        self.stacks = [tuple(line.split("\t", 1)) for line in lines[: head["stacks"]]]  # type: ignore[misc]

    def _column_file(self, name: str) -> Path:
        return self.path / f"{name}.column"

    def _mapped(self, count: int) -> Bank:
        """Columns as the files have them; what is changed stays in memory."""
        columns: dict[str, NDArray[Any]] = {}
        for file, names in _FILES.items():
            records = np.memmap(self._column_file(file), _record(names), "c")
            columns |= {name: records[name] for name in names}
        return Bank(count, columns)

    def _write_columns(self, rows: NDArray[np.int64], changed: dict[str, NDArray[Any]]) -> None:
        if not len(rows):
            return
        for file, names in _FILES.items():
            path, record = self._column_file(file), _record(names)
            there = path.stat().st_size // record.itemsize if path.exists() else 0
            needed = int(rows.max()) + 1
            if needed > there:
                # Room for twice as many, so that it is seldom made.
                room = max(2 * there, needed, 1024)
                fresh = np.empty(room - there, record)
                for name in names:
                    fresh[name] = COLUMNS[name][2]
                with path.open("ab") as stream:
                    stream.truncate(there * record.itemsize)
                    stream.seek(0, os.SEEK_END)
                    fresh.tofile(stream)
                there = room
            values = np.empty(len(rows), record)
            for name in names:
                values[name] = changed[name]
            mapped = np.memmap(path, record, "r+", shape=(there,))
            # Much of what is known of a particle never changes; a page that is not written need not be saved.
            other = mapped[rows] != values
            mapped[rows[other]] = values[other]
        self._save_columns = partial(_flush_files, [self._column_file(file) for file in _FILES])

    def commit(
        self, touched: Sequence[NDArray[np.int64]], numbers: dict[str, Any], arrays: dict[str, NDArray[Any]]
    ) -> None:
        """Make everything up to now last.

        Parameters
        ----------
        touched
            Rows whose columns may have changed since the last commit; new ones are known.
        numbers, arrays
            Of the run.
        """
        new = np.arange(self._committed, self.bank.count)
        rows = np.unique(np.concatenate([new, *touched])).astype(np.int64)
        changed = {name: np.ascontiguousarray(self.bank.columns[name][rows]) for name in COLUMNS}
        if self._sample_file.exists():
            _flush_files([self._sample_file])
        self._save_columns()
        head = {
            "schema_version": SCHEMA_VERSION,
            "numbers": numbers,
            "generation": self._generation,
            "count": self.bank.count,
            "stacks": len(self.stacks),
        }
        stored = {f"column_{name}": values for name, values in changed.items()}
        with atomic_path(self.path / _CHECKPOINT) as part, part.open("wb") as stream:
            np.savez(
                stream,
                allow_pickle=False,
                head=np.frombuffer(json.dumps(head).encode(), np.uint8),
                rows=rows,
                **stored,
                **arrays,
            )
        self._write_columns(rows, changed)
        self.numbers, self.arrays = numbers, arrays
        self._committed = self.bank.count
        for old in self.path.glob("samples-*"):
            if old != self._sample_file:
                old.unlink()

    def stack_numbers(self, paths: Sequence[Path], names: Sequence[str]) -> NDArray[np.int64]:
        """Numbers of image stacks; new ones are written down."""
        known = {entry: number for number, entry in enumerate(self.stacks)}
        fresh = []
        for entry in zip(map(str, paths), names, strict=True):
            if "\t" in entry[0] or "\n" in "".join(entry):
                raise InputError(f"{entry[0]!r}: tabs and line breaks in the names of stacks can't be kept")
            if entry not in known:
                known[entry] = len(known)
                fresh.append(entry)
        self.stacks.extend(fresh)
        if fresh:
            with atomic_path(self.path / _STACKS) as part:
                part.write_text("".join(f"{p}\t{n}\n" for p, n in self.stacks), encoding="utf-8")
        return np.array([known[e] for e in zip(map(str, paths), names, strict=True)], dtype=np.int64)

    @property
    def _sample_file(self) -> Path:
        return self.path / f"samples-{self._generation:06d}"

    def fork_samples(self) -> None:
        """Go on in a copy of the samples, because those of known particles will change."""
        old = self._sample_file
        self._generation += 1
        if old.exists():
            shutil.copyfile(old, self._sample_file)

    def _map_samples(self, mode: Any, least: int) -> NDArray[np.float16]:
        file = self._sample_file
        row_bytes = 2 * int(np.prod(self._sample_shape))
        there = file.stat().st_size // row_bytes if file.exists() else 0
        if there < least:
            with file.open("ab") as stream:
                stream.truncate(max(least, there + there // 2, 1024) * row_bytes)
            there = file.stat().st_size // row_bytes
        return np.memmap(file, np.float16, mode, shape=(there, *self._sample_shape))

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.float16]:
        """Return samples of some rows (see `frazil.compute.classify2d.stage.SampleStore`)."""
        if not len(rows):
            return np.zeros((0, *self._sample_shape), dtype=np.float16)
        return np.asarray(self._map_samples("r", int(rows.max()) + 1)[rows])

    def write(self, rows: NDArray[np.int64], samples: NDArray[np.float16]) -> None:
        """Set samples of some rows."""
        if len(rows):
            self._map_samples("r+", int(rows.max()) + 1)[rows] = samples


def _flush_files(files: Sequence[Path]) -> None:
    """Press what was written to files to the disk."""
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read_head(checkpoint: Path) -> dict[str, Any]:
    try:
        with checkpoint.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            head: dict[str, Any] = json.loads(bytes(stored["head"]).decode())
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{checkpoint}: damaged checkpoint ({error}); start a new run") from error
    if head["schema_version"] != SCHEMA_VERSION:
        raise InputError(f"{checkpoint}: made by another version of Frazil; start a new run")
    return head
