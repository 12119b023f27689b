"""Rows of the catalogue as a session folder tells them: movies, delivered files, class averages."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from frazil.model.manual_picks import UNCHANGED, ManualPicks
from frazil.tracks.preprocess.results import columns_of, is_complete

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from frazil.model.settings import Settings
    from frazil.stages.record import MovieRecord
    from frazil.store.catalogue.revisions import RevisionRow
    from frazil.store.manifest import Delivered

OUTSIDE = "the movie's file lies where the server may not look; its results are kept"
RAW_ABSENT = "the movie's file is gone; its results are kept"


def movie_rows(
    folder: Path,
    records: Iterable[MovieRecord],
    delivered: Sequence[Delivered],
    saved: Sequence[RevisionRow],
    overrides: Mapping[str, str],
    manual_picks: Mapping[str, ManualPicks] | None = None,
    may_read: Callable[[Path], bool] = lambda _: True,
) -> list[dict[str, Any]]:
    """Rows of all movies that were delivered or processed, in the order of their numbers.

    Parameters
    ----------
    folder
        The session folder.
    records
        What was done with each movie.
    delivered
        The manifest; empty for sessions of ``frazil process``.
    saved
        All settings, oldest first.
    overrides, manual_picks
        What a person decided, by movie.
    may_read
        Whether a movie may be read, by its path without links: what a folder says of itself is not trusted.
    """
    files = {file.movie: file for file in delivered if file.kind == "movie" and file.movie}
    by_name = {record.name: record for record in records}
    revisions = [(row.revision, row.settings()) for row in reversed(saved)]
    rows = []
    for name in dict.fromkeys((*files, *by_name)):
        row = _delivered(folder, files.get(name), by_name.get(name), may_read)
        by_hand = (manual_picks or {}).get(name, UNCHANGED)
        outside = row.pop("reason")
        row |= _processed(by_name.get(name), revisions, by_hand.token)
        row["manual_picks"] = by_hand.model_dump(mode="json") if by_hand.token else None
        if row["raw_path"] is None and row.get("reason") is None:
            row["reason"] = outside or RAW_ABSENT
        rows.append({**row, "name": name, "override": overrides.get(name, "auto")})
    return _numbered(rows)


def file_rows(delivered: Iterable[Delivered], numbers: Mapping[str, int]) -> list[dict[str, Any]]:
    """Rows of the ledger of file transfer; the last delivery of a path counts."""
    rows = {
        _source_path(file): {
            "path": _source_path(file),
            "kind": file.kind,
            "movie_number": numbers.get(file.movie),
            "size_bytes": file.size_bytes,
            "mtime_ns": file.mtime_ns,
            "found_at": file.at,
            "state": "done",
            "delivered_path": None if file.mode == "in_place" else file.path,
            "delivered_size_bytes": file.size_bytes,
            "delivered_mtime_ns": file.mtime_ns,
            "delivered_mode": file.mode,
            "delivered_at": file.at,
            "xxh128": file.xxh128 or None,
        }
        for file in delivered
    }
    return list(rows.values())


def class_rows(folder: Path, revision: int) -> list[tuple[int, dict[str, Any]]]:
    """Numbers and rows of the history of class averages, oldest first; what can't be read is left out."""
    found = []
    for file in (folder / "classes").glob("*/*/summary.json"):
        match = re.fullmatch(r"run(\d+)/update(\d+)", file.parent.relative_to(folder / "classes").as_posix())
        if match is None:
            continue
        try:
            summary, at = json.loads(file.read_bytes()), file.stat().st_mtime
        except (OSError, ValueError):
            continue
        if isinstance(summary, dict):
            found.append((int(match[1]), int(match[2]), file.parent, summary, at))
    rows: list[tuple[int, dict[str, Any]]] = []
    for run, update, path, summary, at in sorted(found, key=lambda entry: entry[:2]):
        known = _known_number(summary)
        last = rows[-1][0] if rows else 0
        number = known if isinstance(known, int) and known > last else last + 1
        rows.append(
            (number, _class_row(path.relative_to(folder).as_posix(), run, update, summary, at, revision))
        )
    return rows


def _known_number(summary: Mapping[str, Any]) -> Any:
    """Return the number that an entry had: where runs were cleared, numbers have gaps."""
    entry = summary.get("entry")
    return entry.get("number") if isinstance(entry, dict) else summary.get("number")


def _class_row(
    place: str, run: int, update: int, summary: Mapping[str, Any], at: float, revision: int
) -> dict[str, Any]:
    def number(name: str, otherwise: Any) -> Any:
        value = summary.get(name)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else otherwise

    kind = summary.get("kind")
    return {
        "run": run,
        "update_in_run": update,
        "kind": kind if isinstance(kind, str) else "batch",
        "finished_at": number("finished_at", at),
        "seconds": number("seconds", 0.0),
        "particles": number("particles", 0),
        "class_count": number("class_count", 0),
        "limit_a": number("limit_a", number("final_resolution_a", None)),
        "fraction": number("fraction", None),
        "settings_revision": number("settings_revision", revision),
        "folder": place,
        "summary": dict(summary),
    }


def _source_path(file: Delivered) -> str:
    if file.ledger_path:
        return file.ledger_path
    return file.source if file.mode == "in_place" else file.path.removeprefix("raw/")


def _delivered(
    folder: Path, file: Delivered | None, record: MovieRecord | None, may_read: Callable[[Path], bool]
) -> dict[str, Any]:
    """Where a movie is, by the manifest, else by what was processed."""
    source = record.source if record is not None else ""
    if file is None:
        path, raw, at, number = source, folder / source, None, None
    else:
        path, at, number = _source_path(file), file.at, file.movie_number
        raw = folder / (file.source if file.mode == "in_place" else file.path)
    there = raw.is_file() and may_read(raw.resolve())
    return {
        "path": path,
        "raw_path": str(raw) if there else None,
        "reason": OUTSIDE if not there and raw.is_file() else None,
        "found_at": _first_done_at(record) if at is None else at,
        "transferred_at": at or None,
        "number": number,
    }


def _first_done_at(record: MovieRecord | None) -> float:
    """When something was first done with a movie of which nobody wrote down when it came."""
    return min((stage.at for stage in record.stages.values() if stage.at), default=0.0) if record else 0.0


def _processed(
    record: MovieRecord | None, revisions: Sequence[tuple[int, Settings]], manual_picks: str
) -> dict[str, Any]:
    """State and results of a movie; ``revisions`` are newest first."""
    newest, settings = revisions[0]
    if record is None:
        return {"state": "queued", "target_revision": newest}
    if record.failed_stage is not None:
        return {**columns_of(record, settings), "state": "failed", "target_revision": newest}
    for revision, made_with in revisions:
        if is_complete(record, made_with, manual_picks):
            return {
                **columns_of(record, made_with),
                "state": "done" if revision == newest else "outdated",
                "target_revision": revision,
                "settings_revision": revision,
                "done_at": record.stage("extract").at,
            }
    return {**columns_of(record, settings), "state": "queued", "target_revision": newest}


def _numbered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Movies keep the numbers they had; the others get the next ones."""
    seen: set[int] = set()
    for row in rows:
        if row["number"] in seen:
            row["number"] = None
        elif row["number"] is not None:
            seen.add(row["number"])
    following = max(seen, default=0) + 1
    for row in sorted(rows, key=lambda row: (row["found_at"], row["name"])):
        if row["number"] is None:
            row["number"] = following
            following += 1
    return sorted(rows, key=lambda row: int(row["number"]))
