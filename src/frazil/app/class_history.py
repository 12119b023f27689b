"""The history of class averages: entries, sheets, pictures of single classes."""

from __future__ import annotations

import io
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from frazil.app.access import session_for
from frazil.app.class_choices import with_choices
from frazil.app.errors import NotFoundError
from frazil.app.products import Product, read_product
from frazil.formats.mrc import MrcStack
from frazil.model.errors import InputError, PassingError
from frazil.store.catalogue import class_updates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.app.access import Actor
    from frazil.app.hub import Hub

_DARKEST_SIGMA, _BRIGHTEST_SIGMA = 3.0, 5.0
_LARGEST_PICTURE_PX = 512
_LARGEST_TILE_PX = 160
SHEET_COLUMNS = 10


def list_updates(hub: Hub, actor: Actor, session_id: int) -> list[dict[str, Any]]:
    """All entries, oldest first.

    Each has: number, run, update_in_run, kind, finished_at, seconds, particles, class_count, limit_a,
    fraction, settings_revision, folder; and, None where an older version wrote it or nothing can be said:
    classes_in_use, median_resolution_a, mean_log_evidence (of all particles, nats over noise), moved_share
    (of the particles of the entry before), mean_noise, good_share, contrast.
    """
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "viewer")
        rows = class_updates.listed(connection, session_id)
    return [_without_session(row) for row in rows]


def show_update(hub: Hub, actor: Actor, session_id: int, number: int | None = None) -> dict[str, Any]:
    """Show one entry with its ``summary`` (which lists the classes), the newest if ``number`` is None.

    The classes say as `frazil.app.class_choices.with_choices` whether they are kept.

    Raises `NotFoundError` where there is none.
    """
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "viewer")
        try:
            update = class_updates.get(connection, session_id, number)
        except InputError as error:
            raise NotFoundError(str(error)) from None
        return _without_session(with_choices(connection, update))


def assignments(hub: Hub, actor: Actor, session_id: int, number: int | None = None) -> dict[str, Any]:
    """Count the particles of each class of an entry.

    Returns
    -------
        number, particles, unassigned, and classes: class_id and particles of each.
    """
    update = show_update(hub, actor, session_id, number)
    summary = update["summary"]
    return {
        "number": update["number"],
        "particles": update["particles"],
        "unassigned": summary.get("unassigned", 0),
        "classes": [
            {"class_id": item["class_id"], "particles": item["particles"]} for item in summary["classes"]
        ],
    }


def sheet(
    hub: Hub, actor: Actor, session_id: int, number: int, known_version: str | None = None
) -> Product | None:
    """Return the picture of all classes (JPEG), None if the asker has it."""
    folder, update = _folder(hub, actor, session_id, number)
    return read_product(folder, *update.parts, "classes.jpg", known_version=known_version)


def averages_sheet(
    hub: Hub, actor: Actor, session_id: int, number: int, known_version: str | None = None
) -> Product | None:
    """Return all averages in one picture (JPEG), None if the asker has it.

    `SHEET_COLUMNS` tiles a row, by number of the class, without captions, all in one scale of grey.
    """
    version = f"{session_id}-{number}-averages"
    folder, update = _folder(hub, actor, session_id, number)
    if version == known_version:
        return None
    grey = _grey(_averages(folder / update / "classes.mrcs", number))
    count, rows, columns = grey.shape
    lines = -(-count // SHEET_COLUMNS)
    sheet = np.zeros((lines * rows, SHEET_COLUMNS * columns), np.uint8)
    for place, tile in enumerate(grey):
        top, left = place // SHEET_COLUMNS * rows, place % SHEET_COLUMNS * columns
        sheet[top : top + rows, left : left + columns] = tile
    picture = Image.fromarray(sheet)
    shrink = min(1.0, _LARGEST_TILE_PX / max(rows, columns))
    if shrink < 1.0:
        size = (SHEET_COLUMNS * round(columns * shrink), lines * round(rows * shrink))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return Product(buffer.getvalue(), version)


def class_picture(
    hub: Hub,
    actor: Actor,
    session_id: int,
    number: int,
    class_id: int,
    known_version: str | None = None,
) -> Product | None:
    """Return the average of one class (PNG), None if the asker has it.

    All classes of an entry share one scale of grey, so that weak ones look weak.
    """
    folder, update = _folder(hub, actor, session_id, number)
    version = f"{session_id}-{number}-{class_id}"
    if version == known_version:
        return None
    averages = _averages(folder / update / "classes.mrcs", number)
    if not 1 <= class_id <= len(averages):
        raise NotFoundError(f"update {number} has no class {class_id}; it has 1 to {len(averages)}")
    picture = Image.fromarray(_grey(averages)[class_id - 1])
    picture.thumbnail((_LARGEST_PICTURE_PX, _LARGEST_PICTURE_PX))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return Product(buffer.getvalue(), version)


def _averages(path: Path, number: int) -> NDArray[np.float32]:
    try:
        with MrcStack(path) as stack:
            return np.asarray(stack[:], dtype=np.float32)
    except FileNotFoundError:
        raise NotFoundError(f"the averages of update {number} are not there") from None
    except OSError as error:
        raise PassingError(f"{path}: can't be read now: {error.strerror}") from error


def _grey(averages: NDArray[np.float32]) -> NDArray[np.uint8]:
    used = averages[averages.any(axis=(1, 2))]
    mean, sigma = (float(used.mean()), float(used.std())) if len(used) else (0.0, 1.0)
    low, high = mean - _DARKEST_SIGMA * sigma, mean + _BRIGHTEST_SIGMA * sigma
    scaled = np.clip((averages - low) / max(high - low, 1e-12), 0.0, 1.0)
    grey: NDArray[np.uint8] = (255.0 * scaled).astype(np.uint8)
    return grey


def _folder(hub: Hub, actor: Actor, session_id: int, number: int) -> tuple[Path, PurePosixPath]:
    with hub.catalogue.read() as connection:
        session = session_for(connection, actor, session_id, "viewer")
    update = show_update(hub, actor, session_id, number)
    return Path(session.folder), PurePosixPath(update["folder"])


def _without_session(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "session_id"}
