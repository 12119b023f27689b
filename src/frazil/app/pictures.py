"""Pictures and curves of one movie."""

from __future__ import annotations

import io
import json
import math
import zipfile
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from frazil.app.errors import NotFoundError
from frazil.app.movie_table import movie_row
from frazil.app.products import read_product, session_folder
from frazil.formats.mrc import MrcStack
from frazil.model.errors import InputError
from frazil.model.motion import MotionField

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from frazil.app.access import Actor
    from frazil.app.hub import Hub
    from frazil.app.products import Product

PictureKind = Literal["preview", "thumbnail", "picks", "spectrum", "profile"]
_LOCAL_POINTS = 5
"""Local motion is shown at so many points along each axis."""


def picture(
    hub: Hub,
    actor: Actor,
    session_id: int,
    name: str,
    kind: PictureKind,
    known_version: str | None = None,
) -> Product | None:
    """Return a picture of a movie (JPEG), None if the asker has it; errors as of `read_product`."""
    folder = session_folder(hub, actor, session_id)
    return read_product(folder, "pictures", f"{name}.{kind}.jpg", known_version=known_version)


def profile(hub: Hub, actor: Actor, session_id: int, name: str) -> dict[str, Any]:
    """Return the curves of the CTF fit: frequency_per_a, spectrum, fit, agreement."""
    content = _content(hub, actor, session_id, "ctf", f"{name}.json")
    try:
        curves = json.loads(content)
    except ValueError as error:
        raise InputError(f"ctf/{name}.json is damaged: {error}; process the movie again") from error
    if not isinstance(curves, dict):
        raise InputError(f"ctf/{name}.json is damaged; process the movie again")
    return curves


def motion(hub: Hub, actor: Actor, session_id: int, name: str) -> dict[str, Any]:
    """Return how the specimen moved, relative to the first used frame.

    Returns
    -------
        width_px, height_px, pixel_size_a of the movie; global_x_a, global_y_a by frame; points: a few
        positions (x_px, y_px) with the motion there relative to the global one (x_a, y_a by frame).
    """
    content = _content(hub, actor, session_id, "motion", f"{name}.npz")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            width_px, height_px = (int(length) for length in arrays["size_px"])
            field = MotionField(
                width_px,
                height_px,
                float(arrays["pixel_size_a"]),
                arrays["global_shift_a"],
                arrays["global_error_a"],
                arrays["local_nodes_a"] if "local_nodes_a" in arrays else None,
            )
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise InputError(f"motion/{name}.npz is damaged: {error}; process the movie again") from error
    return {
        "width_px": field.width_px,
        "height_px": field.height_px,
        "pixel_size_a": field.pixel_size_a,
        "global_x_a": _numbers(field.global_shift_a[:, 0]),
        "global_y_a": _numbers(field.global_shift_a[:, 1]),
        "points": _local_points(field),
    }


def picks(hub: Hub, actor: Actor, session_id: int, name: str) -> dict[str, Any]:
    """Return all candidates of a movie, best first.

    Returns
    -------
        x_px, y_px (of the micrograph, counted from 0), score, and threshold, diameter_a: candidates of at
        least that score are found; by_hand: 1 for what a person added, -1 for what one removed, which stand
        above that; width_px, height_px, pixel_size_a of the micrograph, None if unknown.
    """
    content = _content(hub, actor, session_id, "picks", f"{name}.parquet")
    try:
        table = pq.read_table(pa.BufferReader(content))
        extra = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        columns: dict[str, list[Any]] = {
            key: _numbers(table.column(key).to_numpy()) for key in ("x_px", "y_px", "score")
        }
        columns["by_hand"] = _by_hand(table).tolist()
        limits = {key: _finite(float(extra[key])) for key in ("threshold", "diameter_a")}
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        raise InputError(f"picks/{name}.parquet is damaged: {error}; process the movie again") from error
    return {**columns, **limits, **_size(session_folder(hub, actor, session_id) / "micrographs" / name)}


def candidates(hub: Hub, actor: Actor, session_id: int, name: str) -> dict[str, Any]:
    """Return where the candidates of a movie are.

    Returns
    -------
        x_a, y_a, by_hand: shape (n,), in the order of `picks`; diameter_a; size_a: (width, height) of the
        micrograph, None if unknown; version: another one whenever it was picked again.

    Raises `NotFoundError` where it was not picked.
    """
    folder = session_folder(hub, actor, session_id)
    product = read_product(folder, "picks", f"{name}.parquet")
    size = _size(folder / "micrographs" / name)
    pixel_size_a = size["pixel_size_a"]
    if product is None or pixel_size_a is None:
        raise NotFoundError(f"{name} has no micrograph now")
    try:
        table = pq.read_table(pa.BufferReader(product.content))
        return {
            "x_a": table.column("x_px").to_numpy() * pixel_size_a,
            "y_a": table.column("y_px").to_numpy() * pixel_size_a,
            "by_hand": _by_hand(table),
            "diameter_a": float((table.schema.metadata or {})[b"diameter_a"]),
            "size_a": (size["width_px"] * pixel_size_a, size["height_px"] * pixel_size_a),
            "version": product.version,
        }
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        raise InputError(f"picks/{name}.parquet is damaged: {error}; process the movie again") from error


def _by_hand(table: pa.Table) -> NDArray[np.int8]:
    if "by_hand" not in table.column_names:
        return np.zeros(table.num_rows, dtype=np.int8)
    return np.asarray(table.column("by_hand").to_numpy(), dtype=np.int8)


def _size(micrograph: Path) -> dict[str, Any]:
    """Size of a micrograph, from its header."""
    try:
        with MrcStack(micrograph.with_name(f"{micrograph.name}.mrc")) as stack:
            _, height_px, width_px = stack.shape
            return {"width_px": width_px, "height_px": height_px, "pixel_size_a": stack.pixel_size_a}
    except (InputError, OSError):
        return {"width_px": None, "height_px": None, "pixel_size_a": None}


def _content(hub: Hub, actor: Actor, session_id: int, folder: str, file: str) -> bytes:
    name = file.rpartition(".")[0]
    with hub.catalogue.read() as connection:
        movie_row(connection, session_id, name)
    product = read_product(session_folder(hub, actor, session_id), folder, file)
    return b"" if product is None else product.content


def _local_points(field: MotionField) -> list[dict[str, Any]]:
    if field.local_nodes_a is None:
        return []
    shares = (np.arange(_LOCAL_POINTS) + 0.5) / _LOCAL_POINTS
    x, y = np.meshgrid(shares * field.width_px, shares * field.height_px)
    shift = field.local_shift_a(x.ravel(), y.ravel())
    return [
        {
            "x_px": round(float(x_px), 1),
            "y_px": round(float(y_px), 1),
            "x_a": _numbers(shift[:, place, 0]),
            "y_a": _numbers(shift[:, place, 1]),
        }
        for place, (x_px, y_px) in enumerate(zip(x.ravel(), y.ravel(), strict=True))
    ]


def _numbers(values: Any) -> list[float | None]:
    return [_finite(float(value)) for value in values]


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
