"""The detector's MTF of an export: a copy beside the tables, which every optics group names."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from frazil.formats.atomic import atomic_path
from frazil.formats.relion_mtf import check_mtf
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from frazil.model.settings import Settings
    from frazil.stages.export.optics import ExportOptics
    from frazil.stages.export.progress import Progress

MTF = "mtf.star"


def with_mtf(
    optics: ExportOptics, folder: Path, named: str, settings: Settings, progress: Progress
) -> ExportOptics:
    """Copy the MTF of the settings into ``folder``; the groups call it ``named``.

    Without one in the settings nothing happens; one that can't be read is left out, with a note.
    """
    if settings.microscope.mtf_path is None:
        return optics
    source = Path(settings.microscope.mtf_path)
    try:
        check_mtf(source)
        with atomic_path(folder / MTF) as part:
            shutil.copyfile(source, part)
    except (InputError, OSError) as error:
        progress.note(f"the detector's MTF is left out: {error}")
        return optics
    return replace(optics, groups=[replace(group, mtf=named) for group in optics.groups])
