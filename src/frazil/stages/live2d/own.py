"""What Frazil has written into a Live2D folder: ``frazil.json`` there, written before what it speaks of."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from frazil.formats.atomic import atomic_path
from frazil.formats.live2d import PICTURES_NAME
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from frazil.model.settings import Settings

OWN_NAME = "frazil.json"
HISTORY_NAME = "history"


def live2d_folder(settings: Settings) -> Path | None:
    """Return the folder of Live2D's files; None in a session that follows no Warp folder."""
    image_data = settings.image_data
    if settings.session.kind != "warp" or image_data.warp_folder is None:
        return None
    return Path(image_data.warp_folder) / image_data.work_subfolder


class Piece(BaseModel):
    """The particles of one of Warp's stacks, which stand side by side in the combined stack.

    Attributes
    ----------
    stack, rows
        Relative to the Warp folder; how many images.
    content
        Names rows and images: of the table, and size and time of the stack.
    blank
        The images can't be used: zeros stand for them, and no class is theirs.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    stack: str
    rows: int
    content: str
    blank: bool = False


class OwnState(BaseModel):
    """What is Frazil's in a folder.

    Attributes
    ----------
    session_id
        Of the session that writes here.
    made_folder, made_stack
        Whether there was nothing before; whether the combined stack is Frazil's.
    pieces
        What the combined stack consists of, in order.
    cycles
        Name of each cycle to the number of its entry. Those that ``latest_run.json`` does not list were never
        finished.
    newest
        Number of the newest entry that was finished here; 0 before the first.
    history
        Names of cycles that lie in ``history``, because the order of the stack is another one since.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    session_id: str
    made_folder: bool = False
    made_stack: bool = False
    pieces: tuple[Piece, ...] = ()
    cycles: dict[str, int] = {}
    newest: int = 0
    history: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Images of the combined stack."""
        return sum(piece.rows for piece in self.pieces)


def read_own(folder: Path) -> OwnState | None:
    """Read it; None where Frazil has written nothing here. Raises `InputError` where it is damaged."""
    path = folder / OWN_NAME
    try:
        return OwnState.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise InputError(f"{path}: is damaged; remove it, and the folder is begun anew") from error


def write_own(folder: Path, state: OwnState) -> None:
    """Write it."""
    with atomic_path(folder / OWN_NAME) as part:
        part.write_text(state.model_dump_json(indent=1) + "\n", encoding="utf-8")


def cycle_files(folder: Path, name: str) -> list[Path]:
    """Return what there may be of a cycle."""
    files = [folder / f"{name}{suffix}" for suffix in (".mrc", ".star", "_appended.star")]
    return [*files, folder / PICTURES_NAME / name]


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
