"""Report of a session: what was measured, on one page and as JSON."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select

from frazil import __version__
from frazil.app.access import session_for
from frazil.app.errors import NotFoundError
from frazil.app.products import read_product
from frazil.app.report_methods import has_movies, methods
from frazil.model.errors import InputError
from frazil.model.movie_filter import MovieFilter
from frazil.stages.export.request import without_secrets
from frazil.store.catalogue import class_overrides, class_updates, filters, revisions
from frazil.store.catalogue.schema import movies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from frazil.app.access import Actor
    from frazil.app.hub import Hub
    from frazil.model.settings import Settings

_COLUMNS = (
    "ctf_resolution_a",
    "defocus_mean_a",
    "astigmatism_a",
    "motion_total_a",
    "ice_ring",
    "particles",
    "class_yield",
    "seconds_total",
    "latency_s",
)
_PROCESSED = ("done", "outdated")
_SHOWN = 4
_PACKAGES = ("numpy", "scipy", "torch", "numba", "mrcfile", "tifffile", "imagecodecs", "pyarrow")


@dataclass(frozen=True)
class Report:
    """Facts, ready for JSON, and pictures by name as addresses that hold them."""

    facts: dict[str, Any]
    pictures: dict[str, str]


def make_report(hub: Hub, actor: Actor, session_id: int) -> Report:
    """Gather what is known of a session at this moment."""
    with hub.catalogue.read() as connection:
        session = session_for(connection, actor, session_id, "viewer")
        newest = revisions.newest(connection, session_id)
        saved = {row.revision: row.settings() for row in revisions.listed(connection, session_id)}
        columns = [movies.c[name] for name in ("name", "state", "settings_revision", "done_at", *_COLUMNS)]
        kept = filters.kept(MovieFilter()).label("kept")
        query = select(*columns, kept).where(movies.c.session_id == session_id).order_by(movies.c.number)
        rows = [dict(row) for row in connection.execute(query).mappings()]
        try:
            found = class_updates.get(connection, session_id)
            update: dict[str, Any] | None = found
            classes: dict[str, Any] | None = _classes(connection, session_id, found)
        except InputError:
            update, classes = None, None
    settings = newest.settings()
    used = Counter(
        row["settings_revision"] if row["settings_revision"] in saved else newest.revision
        for row in rows
        if row["state"] in _PROCESSED
    )
    judged = [row for row in rows if row["kept"] and row["ctf_resolution_a"] is not None]
    by_resolution = sorted(judged, key=lambda row: row["ctf_resolution_a"])
    best, worst = by_resolution[:_SHOWN], by_resolution[_SHOWN:][-_SHOWN:]
    facts = {
        "schema_version": 1,
        "session": {
            "number": session_id,
            "name": session.name,
            "group": session.group,
            "kind": settings.session.kind,
            "unit": "movie" if has_movies(settings) else "micrograph",
        },
        "made_at": hub.now(),
        "settings_revision": newest.revision,
        "settings": without_secrets(newest.values),
        "microscope": _microscope(settings),
        "movies": {
            "total": len(rows),
            "done": sum(row["state"] in _PROCESSED for row in rows),
            "failed": sum(row["state"] in ("failed", "ignored") for row in rows),
            "excluded": sum(not row["kept"] for row in rows),
        },
        "columns": {name: _statistics([row[name] for row in rows if row["kept"]]) for name in _COLUMNS},
        "particles": sum(row["particles"] or 0 for row in rows if row["kept"]),
        "particles_found": sum(row["particles"] or 0 for row in rows),
        "processed_with_revision": {str(revision): number for revision, number in sorted(used.items())},
        "throughput": _throughput([row["done_at"] for row in rows if row["done_at"]]),
        "best": [_named(row) for row in best],
        "worst": [_named(row) for row in worst],
        "classes": classes,
        "software": {"frazil": __version__, **_versions()},
        "series": {
            name: [None if row[name] is None else round(row[name], 3) for row in rows if row["kept"]]
            for name in ("ctf_resolution_a", "defocus_mean_a", "motion_total_a", "particles")
        },
    }
    facts["methods"] = methods(
        facts, settings, [(saved[revision], used[revision]) for revision in sorted(used)]
    )
    folder = Path(session.folder)
    pictures = {
        row["name"]: _picture(folder, "pictures", f"{row['name']}.thumbnail.jpg") for row in (*best, *worst)
    }
    if update is not None:
        pictures["classes"] = _picture(folder, *Path(update["folder"]).parts, "classes.jpg")
    return Report(facts, {name: address for name, address in pictures.items() if address})


def _microscope(settings: Settings) -> dict[str, Any]:
    names = ["pixel_size_a", "voltage_kv", "cs_mm", "amplitude_contrast"]
    if has_movies(settings):
        names.append("dose_per_movie_e_per_a2")
    return {name: getattr(settings.microscope, name) for name in names}


def _statistics(values: Sequence[float | None]) -> dict[str, float] | None:
    """Median, quartiles and extremes; None where there is no value."""
    known = np.array([value for value in values if value is not None], np.float64)
    if not known.size:
        return None
    low, median, high = np.percentile(known, [25, 50, 75])
    return {
        "count": int(known.size),
        "median": round(float(median), 4),
        "lower_quartile": round(float(low), 4),
        "upper_quartile": round(float(high), 4),
        "least": round(float(known.min()), 4),
        "greatest": round(float(known.max()), 4),
    }


def _throughput(done_at: Sequence[float]) -> dict[str, float] | None:
    if len(done_at) < 2:
        return None
    first, last = min(done_at), max(done_at)
    hours = max((last - first) / 3600.0, 1e-9)
    return {
        "first_done_at": first,
        "last_done_at": last,
        "movies_per_hour": round(min((len(done_at) - 1) / hours, 1e6), 1),
    }


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("name", "ctf_resolution_a", "defocus_mean_a", "particles")}


def _classes(connection: Connection, session_id: int, update: Mapping[str, Any]) -> dict[str, Any]:
    classes = update["summary"]["classes"]
    good = class_overrides.kept_classes(connection, session_id, update["run"], classes)
    return {
        "update": update["number"],
        "particles": update["particles"],
        "class_count": update["class_count"],
        "good": len(good),
        "good_particles": sum(item["particles"] for item in classes if item["class_id"] in good),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            # Whoever has it not, did not use it.
            continue
    return found


def _picture(folder: Path, *parts: str) -> str:
    """Return a picture as an address that holds it; empty where there is none."""
    try:
        product = read_product(folder, *parts)
    except NotFoundError:
        return ""
    return "" if product is None else f"data:image/jpeg;base64,{base64.b64encode(product.content).decode()}"
