"""What Clear removes and what it keeps, told before it is done."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from frazil.store.catalogue import class_updates, source_files
from frazil.tracks.preprocess.clearing import CLEARED_FOLDERS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sqlalchemy import Connection

    from frazil.model.track import TrackName

_KEEPS: dict[TrackName, tuple[str, ...]] = {
    "transfer": (
        "the source",
        "files that were moved here, and files whose source is gone or changed",
        "results of all movies (marked: raw absent)",
        "exports",
        "logs",
    ),
    "preprocess": (
        "raw files",
        "what was decided about movies (include, exclude, ignore), and filters",
        "the history of class averages (their particles count as withdrawn)",
        "exports",
        "logs",
    ),
    "classify2d": ("particles", "micrographs and everything else of the movies", "exports", "logs"),
}


@dataclass(frozen=True)
class Removed:
    """One kind of thing that goes."""

    what: str
    count: int
    size_bytes: int

    def plain(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"what": self.what, "count": self.count, "bytes": self.size_bytes}


def describe_clear(
    connection: Connection,
    session_id: int,
    folder: Path,
    track: TrackName,
    *,
    follows_warp: bool = False,
    live2d: Iterable[Path] = (),
) -> dict[str, Any]:
    """Return ``removes`` (what, count, bytes), ``keeps``, and the sums ``count`` and ``bytes``.

    Of 2D classification also ``runs``, which can be cleared one by one: run, updates, particles (of its last
    update), mode, bytes. ``live2d``: what Frazil wrote into a Live2D folder.
    """
    runs: list[dict[str, Any]] = []
    if track == "transfer":
        removes = _transferred(connection, session_id)
    elif track == "preprocess":
        removes = [Removed(name, *tree_size(folder / name)) for name in CLEARED_FOLDERS]
    else:
        runs = _runs(class_updates.listed(connection, session_id), folder / "classes")
        updates = sum(run["updates"] for run in runs)
        removes = [Removed("updates of class averages", updates, tree_size(folder / "classes")[1])]
        removes.append(_beside_warp(live2d))
    removes = [item for item in removes if item.count]
    keeps = list(_KEEPS[track])
    if follows_warp and track == "preprocess":
        keeps[0] = "all of Warp's own files"
    return {
        "removes": [item.plain() for item in removes],
        "keeps": keeps,
        "count": sum(item.count for item in removes),
        "bytes": sum(item.size_bytes for item in removes),
        "runs": runs,
    }


def _beside_warp(paths: Iterable[Path]) -> Removed:
    """Files of cycles in a Live2D folder, pictures among them."""
    count = size = 0
    for path in paths:
        if path.is_dir():
            inside = tree_size(path)
            count, size = count + inside[0], size + inside[1]
        else:
            count, size = count + 1, size + path.stat().st_size
    return Removed("files of Live2D's form in the Warp folder", count, size)


def _runs(updates: Iterable[dict[str, Any]], classes: Path) -> list[dict[str, Any]]:
    """Describe the runs of a class history, oldest first."""
    runs: dict[int, dict[str, Any]] = {}
    for update in updates:
        run = runs.setdefault(update["run"], {"run": update["run"], "updates": 0})
        run["updates"] += 1
        run["particles"], run["mode"] = update["particles"], update["kind"]
    for number, run in runs.items():
        run["bytes"] = tree_size(classes / f"run{number:03d}")[1]
        run["mode"] = "streaming" if run["mode"] == "streaming" else "jobs"
    return [runs[number] for number in sorted(runs)]


def _transferred(connection: Connection, session_id: int) -> list[Removed]:
    counts: dict[str, list[int]] = {"link": [0, 0], "copy": [0, 0]}
    for file in source_files.every(connection, session_id, ["done"]):
        if (mode := file["delivered_mode"]) in counts:
            counts[mode][0] += 1
            # A link takes no room.
            counts[mode][1] += int(file["delivered_size_bytes"] or 0) if mode == "copy" else 0
    return [
        Removed("links in raw/", *counts["link"]),
        Removed("copies in raw/ whose source is still there unchanged", *counts["copy"]),
    ]


def tree_size(folder: Path) -> tuple[int, int]:
    """Count the files below a folder and their bytes; links are counted, not followed."""
    count = size = 0
    waiting = [folder]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:
            # Not there, or going away at this moment.
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(folder.__class__(entry.path))
                continue
            try:
                size += entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:
                continue
            count += 1
    return count, size
