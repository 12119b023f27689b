"""Report of a session: what was measured, on one page and as JSON."""

from __future__ import annotations

import base64
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
from frazil.model.errors import InputError
from frazil.model.movie_filter import MovieFilter
from frazil.model.words import plural
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
        columns = [movies.c[name] for name in ("name", "state", "done_at", *_COLUMNS)]
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
            "unit": "movie" if _has_movies(settings) else "micrograph",
        },
        "made_at": hub.now(),
        "settings_revision": newest.revision,
        "settings": without_secrets(newest.values),
        "microscope": _microscope(settings),
        "movies": {
            "total": len(rows),
            "done": sum(row["state"] in ("done", "outdated") for row in rows),
            "failed": sum(row["state"] in ("failed", "ignored") for row in rows),
            "excluded": sum(not row["kept"] for row in rows),
        },
        "columns": {name: _statistics([row[name] for row in rows if row["kept"]]) for name in _COLUMNS},
        "particles": sum(row["particles"] or 0 for row in rows if row["kept"]),
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
    facts["methods"] = methods(facts, settings)
    folder = Path(session.folder)
    pictures = {
        row["name"]: _picture(folder, "pictures", f"{row['name']}.thumbnail.jpg") for row in (*best, *worst)
    }
    if update is not None:
        pictures["classes"] = _picture(folder, *Path(update["folder"]).parts, "classes.jpg")
    return Report(facts, {name: address for name, address in pictures.items() if address})


def methods(facts: Mapping[str, Any], settings: Settings) -> str:
    """Describe the processing as a paper would."""
    microscope, counts = settings.microscope, facts["movies"]
    if not counts["total"]:
        return "Nothing has been recorded yet."
    words = []
    is_warp = settings.session.kind == "warp"
    is_movie = settings.session.kind == "movies" and _has_movies(settings)
    taken = plural(counts["total"], facts["session"]["unit"])
    if microscope.voltage_kv and microscope.pixel_size_a:
        taken += f" recorded at {microscope.voltage_kv:g} kV and {microscope.pixel_size_a:g} Å per pixel"
    if is_movie and microscope.dose_per_movie_e_per_a2:
        taken += f" with an exposure of {microscope.dose_per_movie_e_per_a2:g} e/Å²"
    done = (
        f"processed on the fly with Warp, and its results taken over by Frazil {__version__}"
        if is_warp
        else f"processed on the fly with Frazil {__version__}"
    )
    if counts["done"] == counts["total"]:
        words.append(f"{taken} {'was' if counts['total'] == 1 else 'were'} {done}.")
    else:
        words.append(f"Of {taken}, {counts['done']:,} {'was' if counts['done'] == 1 else 'were'} {done}.")
    if is_movie and settings.alignment.alignment_method != "none":
        kind = "globally and locally" if settings.alignment.alignment_method == "local" else "globally"
        weighted = " and weighted by exposure" if settings.alignment.dose_weighting else ""
        words.append(f"Frames were aligned {kind}{weighted}.")
    resolution = facts["columns"]["ctf_resolution_a"]
    if resolution is not None:
        fit = (
            "The median fit of the contrast transfer function"
            if is_warp
            else "The contrast transfer function was fitted to power spectra; the median fit"
        )
        words.append(f"{fit} reaches {resolution['median']:.1f} Å.")
    if facts["particles"]:
        found = plural(facts["particles"], "particle was", "particles were")
        method = settings.detection.picking_method
        words.append(
            f"{found} {'taken from Warp' if is_warp else f'found by {method} detection and extracted'}."
        )
    classes = facts["classes"]
    if classes is not None:
        words.append(
            f"{classes['particles']:,} of them were classified in two dimensions into "
            f"{plural(classes['class_count'], 'class', 'classes')}, of which {classes['good']} with "
            f"{plural(classes['good_particles'], 'particle')} were judged good."
        )
    return " ".join(words)


def _has_movies(settings: Settings) -> bool:
    return settings.session.kind != "micrographs" and settings.image_data.has_frames


def _microscope(settings: Settings) -> dict[str, Any]:
    names = ["pixel_size_a", "voltage_kv", "cs_mm", "amplitude_contrast"]
    if _has_movies(settings):
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
