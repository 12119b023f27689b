"""Members of one class: some of their images, and which micrographs they come from."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from sqlalchemy import select

from frazil.app.access import session_for
from frazil.app.class_history import show_update
from frazil.app.errors import NotFoundError
from frazil.app.products import Product
from frazil.formats.mrc import MrcStack
from frazil.model.errors import FrazilError, PassingError
from frazil.store.catalogue.schema import movies

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from frazil.app.access import Actor
    from frazil.app.hub import Hub

EXAMPLES = 24
SHEET_COLUMNS = 8
_TILE_PX = 96
_DEFOCUS_BIN_A = 2500.0
_TIME_BINS = 24
_CLIP_SIGMA = 3.0
_SMOOTH_PX = 3
_PREFIX, _SUFFIX = "particles/", ".mrcs"
_COLUMNS = ("stack", "stack_index", "psi_deg", "shift_x_a", "shift_y_a")


def class_members(hub: Hub, actor: Actor, session_id: int, number: int, class_id: int) -> dict[str, Any]:
    """Tell where the members of a class come from.

    Returns
    -------
        particles, micrographs: how many there are; examples: how many images `members_sheet` shows;
        squares: grid_square and particles, those with most first; defocus: low_a, high_a and particles;
        times: begin, end (seconds since 1970) and particles. All empty where nobody knows the members.
    """
    folder, names, _ = _members(hub, actor, session_id, number, class_id)
    found, counts = np.unique(np.array(names, dtype=object), return_counts=True)
    by_name = dict(zip(found.tolist(), counts.tolist(), strict=True))
    rows = _micrographs(hub, session_id, set(by_name))
    squares: dict[str, int] = {}
    for row in rows:
        if row["grid_square"] is not None:
            squares[row["grid_square"]] = squares.get(row["grid_square"], 0) + by_name[row["name"]]
    return {
        "particles": len(names),
        "micrographs": len(by_name),
        "examples": min(EXAMPLES, len(names)) if (folder / "particles").is_dir() else 0,
        "squares": [
            {"grid_square": square, "particles": count}
            for square, count in sorted(squares.items(), key=lambda item: (-item[1], item[0]))
        ],
        "defocus": _defocus(rows, by_name),
        "times": _times(rows, by_name),
    }


def members_sheet(
    hub: Hub, actor: Actor, session_id: int, number: int, class_id: int, known_version: str | None = None
) -> Product | None:
    """Return images of some members, chosen by chance, as one picture (JPEG); None if the asker has it.

    Each is turned and shifted onto the average as it was classified. Always the same ones.
    Raises `NotFoundError` where there are none.
    """
    version = f"{session_id}-{number}-{class_id}-members-turned"
    folder, names, table = _members(hub, actor, session_id, number, class_id)
    if version == known_version:
        return None
    random = np.random.default_rng([number, class_id])
    chosen = sorted(random.permutation(len(names))[:EXAMPLES].tolist())
    tiles = []
    for place in chosen:
        tile = _tile(folder / "particles" / f"{names[place]}.mrcs", table.slice(place, 1).to_pylist()[0])
        if tile is not None:
            tiles.append(tile)
    if not tiles:
        raise NotFoundError("the images of these particles are not there (any more)")
    lines = -(-len(tiles) // SHEET_COLUMNS)
    sheet = Image.new("L", (SHEET_COLUMNS * _TILE_PX, lines * _TILE_PX))
    for place, tile in enumerate(tiles):
        line, column = divmod(place, SHEET_COLUMNS)
        sheet.paste(tile, (column * _TILE_PX, line * _TILE_PX))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=88)
    return Product(buffer.getvalue(), version)


def _members(
    hub: Hub, actor: Actor, session_id: int, number: int, class_id: int
) -> tuple[Path, list[str], pa.Table]:
    """Session folder, and of each member the name of its micrograph, its place in the stack and its pose."""
    with hub.catalogue.read() as connection:
        folder = Path(session_for(connection, actor, session_id, "viewer").folder)
    update = show_update(hub, actor, session_id, number)
    path = folder / update["folder"] / "assignments.parquet"
    try:
        table = pq.read_table(path, columns=list(_COLUMNS), filters=[("class_id", "==", class_id)])
    except FileNotFoundError:
        return folder, [], pa.table({name: [] for name in _COLUMNS})
    except OSError as error:
        raise PassingError(f"{path}: can't be read now: {error.strerror}") from error
    except pa.ArrowException as error:
        raise PassingError(f"{path}: can't be read ({error})") from error
    names = [text.removeprefix(_PREFIX).removesuffix(_SUFFIX) for text in table.column("stack").to_pylist()]
    return folder, names, table


def _micrographs(hub: Hub, session_id: int, names: set[str]) -> list[dict[str, Any]]:
    columns = (
        movies.c.name,
        movies.c.grid_square,
        movies.c.defocus_mean_a,
        movies.c.acquired_at,
        movies.c.found_at,
    )
    with hub.catalogue.read() as connection:
        rows = connection.execute(select(*columns).where(movies.c.session_id == session_id)).mappings()
        return [dict(row) for row in rows if row["name"] in names]


def _defocus(rows: list[dict[str, Any]], by_name: dict[str, int]) -> list[dict[str, Any]]:
    bins: dict[int, int] = {}
    for row in rows:
        if row["defocus_mean_a"] is not None:
            place = int(row["defocus_mean_a"] // _DEFOCUS_BIN_A)
            bins[place] = bins.get(place, 0) + by_name[row["name"]]
    if not bins:
        return []
    return [
        {
            "low_a": place * _DEFOCUS_BIN_A,
            "high_a": (place + 1) * _DEFOCUS_BIN_A,
            "particles": bins.get(place, 0),
        }
        for place in range(min(bins), max(bins) + 1)
    ]


def _times(rows: list[dict[str, Any]], by_name: dict[str, int]) -> list[dict[str, Any]]:
    told = [(row["acquired_at"] or row["found_at"], by_name[row["name"]]) for row in rows]
    times = np.array([time for time, _ in told if time is not None])
    counts = np.array([count for time, count in told if time is not None])
    if not times.size:
        return []
    found, edges = np.histogram(times, _TIME_BINS if np.ptp(times) > 0 else 1, weights=counts)
    return [
        {"begin": float(begin), "end": float(end), "particles": int(count)}
        for begin, end, count in zip(edges[:-1], edges[1:], found, strict=True)
    ]


def _tile(path: Path, member: dict[str, Any]) -> Image.Image | None:
    """One particle, smoothed a little and brought onto its average; None where it can't be read."""
    if "/" in path.stem or path.is_symlink():
        return None
    try:
        with MrcStack(path) as stack:
            if not 0 <= member["stack_index"] < stack.shape[0]:
                return None
            image = np.asarray(stack[int(member["stack_index"])], np.float32)
            pixel_size_a = stack.pixel_size_a
    except (FrazilError, OSError):
        return None
    values = np.nan_to_num(image)
    padded = np.pad(values, _SMOOTH_PX // 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (_SMOOTH_PX, _SMOOTH_PX))
    smooth = windows.mean(axis=(2, 3))
    sigma = float(smooth.std()) or 1.0
    grey = np.clip((smooth - smooth.mean()) / (2 * _CLIP_SIGMA * sigma) + 0.5, 0.0, 1.0)
    tile = Image.fromarray((255 * grey).astype(np.uint8))
    shift_a = np.array([member["shift_x_a"], member["shift_y_a"]])
    turned = _onto_average(tile, member["psi_deg"], shift_a / (pixel_size_a or np.inf))
    return turned.resize((_TILE_PX, _TILE_PX), Image.Resampling.BILINEAR)


def _onto_average(tile: Image.Image, psi_deg: float, shift_px: NDArray[np.float64]) -> Image.Image:
    """Show a particle where its average has it: ``average(R(psi) (r + shift)) = particle(r)``."""
    cos, sin = np.cos(np.deg2rad(psi_deg)), np.sin(np.deg2rad(psi_deg))
    back = np.array([[cos, sin], [-sin, cos]])
    # Pillow counts from the corner of the first pixel, poses from the middle of pixel n // 2.
    centre = np.array(tile.size) // 2 + 0.5
    offset = centre - shift_px - back @ centre
    matrix = (*back[0], offset[0], *back[1], offset[1])
    return tile.transform(tile.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=128)
