"""Exports whose tables name the session's files by absolute paths, when the session lies elsewhere."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from frazil.formats.atomic import atomic_path
from frazil.stages.export.manifest import LINKED, MANIFEST, checksum, read_manifest, write_rows

if TYPE_CHECKING:
    from pathlib import Path

FACTS = "settings.json"
_PIECE = 1 << 24


def absolute_exports(session: Path) -> list[Path]:
    """List the whole exports of a session whose tables name files by absolute paths."""
    return [place.parent for place in sorted((session / "exports").glob(f"*/{MANIFEST}")) if _facts(place)]


def lead_exports(session: Path, old: Path, new: Path) -> list[Path]:
    """Have the tables of these exports name the files of a session by its new place.

    Doing it again changes nothing; what was cut off is finished by the next call.

    Parameters
    ----------
    session
        Where the exports lie at this moment.
    old, new
        Session folder that the tables name unless they say another one, and the one they shall name.

    Returns
    -------
        Files that were replaced.
    """
    replaced = []
    for folder in absolute_exports(session):
        facts = _facts(folder / MANIFEST)
        before = str(facts.get("session_folder") or old)
        if before == str(new):
            continue
        # It says so only when everything else is done.
        replaced += [*_lead(folder, before, str(new), facts), folder / MANIFEST, folder / FACTS]
    return replaced


def _facts(manifest: Path) -> dict[str, Any]:
    """Facts of an export with absolute paths; empty for others, and for what is none."""
    if manifest.parent.is_symlink() or manifest.parent.name.startswith("."):
        return {}
    try:
        facts = json.loads((manifest.parent / FACTS).read_bytes())
        absolute = facts["request"].get("files") == "none" and facts["request"].get("format") != "csv"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return facts if absolute else {}


def _lead(folder: Path, before: str, after: str, facts: dict[str, Any]) -> list[Path]:
    tables = sorted(path for path in folder.rglob("*.star") if not path.is_symlink())
    for path in tables:
        _rename_words(path, before, after)
    text = json.dumps(facts | {"session_folder": after}, indent=1, ensure_ascii=False) + "\n"
    with atomic_path(folder / FACTS) as part:
        part.write_text(text, encoding="utf-8")
        rows = list(read_manifest(folder))
        own = {path.relative_to(folder).as_posix(): path for path in tables} | {FACTS: part}
        write_rows(
            folder,
            [
                (name, own[name].stat().st_size, checksum(own[name]))
                if name in own and digest != LINKED
                else (name, size, digest)
                for name, size, digest in rows
            ],
        )
    return tables


def _rename_words(path: Path, before: str, after: str) -> None:
    """Replace the beginning of all words, and of what follows an @, that name something below a folder."""
    pattern = re.compile(rb"(?<![^\s@])" + re.escape(f"{before}/".encode()))
    wanted = f"{after}/".encode()
    with atomic_path(path) as part, path.open("rb") as file, part.open("wb") as out:
        while piece := file.read(_PIECE) + file.readline():
            out.write(pattern.sub(lambda _found: wanted, piece))
