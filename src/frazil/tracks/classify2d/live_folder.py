"""Live2D's folder beside Warp's files: when it is written, and with what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.formats.live2d import KINDS, RUN_NAME
from frazil.formats.warp_particles import find_particle_table
from frazil.formats.warp_settings import SETTINGS_NAME, read_warp_settings
from frazil.model.errors import FrazilError
from frazil.stages.live2d.own import live2d_folder
from frazil.stages.live2d.removal import remove_cycles
from frazil.stages.live2d.task import Live2dEntry, Live2dTask
from frazil.stages.tasks import write_live2d_folder
from frazil.store.catalogue import class_updates
from frazil.tracks.classify2d.side_task import SideTask
from frazil.tracks.follow_warp.folder import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from frazil.engine.executor import Outcome
    from frazil.model.settings import Settings
    from frazil.stages.live2d.task import Live2dResult
    from frazil.tracks.classify2d.desk import Desk
    from frazil.tracks.classify2d.memory import RunMemory

_MODES = {"streaming": "refine"}
"""Live2D knows no stream: what it is told is what comes nearest."""
_OTHER_ORDER = (
    "Live2D's files follow goodparticles: cisTEM's warp_to_cistem can't import them, "
    "which needs the order of allparticles"
)


def live2d_settings(settings: Settings, run: RunMemory) -> dict[str, Any]:
    """Return settings as Live2D has them in its state: numbers as text, but for the pixel size."""
    wanted = settings.classification
    numbers: dict[str, float] = {
        "mask_radius": run.mask_radius_a,
        "high_res_initial": wanted.initial_resolution_a,
        "high_res_final": wanted.final_resolution_a,
        "run_count_startup": wanted.startup_cycles,
        "run_count_refine": wanted.refinement_cycles,
        "particle_count_initial": wanted.start_particles,
        "particle_count_update": wanted.update_particles,
        "class_number": wanted.class_count,
        "particles_per_class": wanted.particles_per_class,
        "box_size": run.box_px,
        "warp_value_cutoff": settings.detection.pick_threshold or 0.0,
    }
    return {
        **{name: f"{value:.10g}" for name, value in numbers.items()},
        "classification_type": _MODES.get(wanted.mode, wanted.mode),
        "autocenter": wanted.autocentre,
        "automask": wanted.automask,
        "neural_net": settings.image_data.neural_net or "",
        "pixel_size": run.pixel_size_a,
    }


class LiveFolder:
    """Keeps Live2D's folder up to date, one task at a time, beside the classification.

    Parameters
    ----------
    desk
        What the track works with.
    write
        What a worker does.
    """

    def __init__(self, desk: Desk, write: Callable[[Live2dTask], Live2dResult] = write_live2d_folder) -> None:
        self._desk, self._write = desk, write
        self._writing = SideTask(desk.context, "live2d", 3.0)
        self._again = False
        self._removal: tuple[set[int] | None] | None = None
        self._told: set[str] = set()

    @property
    def is_wanted(self) -> bool:
        """Whether Live2D's files are to be written."""
        settings = self._desk.settings
        folder, wanted = live2d_folder(settings), settings.image_data.write_live2d_folder
        if folder is None or wanted == "off":
            return False
        if not self._desk.context.allowed(folder):
            self._tell(f"{folder}: {OUTSIDE}")
            return False
        return wanted == "on" or (folder / RUN_NAME).is_file()

    def refresh(self) -> None:
        """Let a worker write what is missing; while one is at it, once more after that."""
        if self._writing.busy:
            self._again = True
            return
        try:
            task = self._task() if self.is_wanted else None
        except (FrazilError, OSError) as error:
            self._tell(f"Live2D's files are not up to date: {error}")
            return
        if task is not None:
            self._writing.begin(self._write, task)

    def take_in(self, outcome: Outcome) -> bool:
        """Take in what came of it; False where the outcome is another task's."""
        if not self._writing.ends_with(outcome):
            return False
        log = self._desk.context.log
        if outcome.error:
            self._tell(f"Live2D's files are not up to date: {outcome.error}")
        elif not outcome.cancelled:
            result: Live2dResult = outcome.value
            if result.rebuilt:
                log.info("Live2D's stack was made anew: Warp replaced particles", moved=result.moved)
            if result.cycles:
                log.info("Live2D's files are up to date", cycles=result.cycles, rows=result.rows)
                self._told.clear()
        if self._removal is not None:
            (entries,), self._removal = self._removal, None
            self._remove(entries)
        if self._again:
            self._again = False
            self.refresh()
        return True

    def clear(self, entries: Collection[int] | None = None) -> None:
        """Remove the cycles of some entries, all by default; Live2D's own files stay."""
        chosen = None if entries is None else set(entries)
        if not self._writing.busy:
            self._remove(chosen)
            return
        self._removal, self._again = (chosen,), False
        self._writing.cancel()

    def _remove(self, entries: set[int] | None) -> None:
        context = self._desk.context
        folder = live2d_folder(self._desk.settings)
        if folder is None or not context.allowed(folder):
            return
        try:
            count = remove_cycles(folder, context.uuid, entries)
        except (FrazilError, OSError) as error:
            context.log.warning(f"Live2D's files could not be removed: {error}")
            return
        if count:
            context.log.info("Live2D's files removed", cycles=count)

    def _task(self) -> Live2dTask | None:
        """Return what is to be done; None where there is no entry or no table yet."""
        desk = self._desk
        settings, run = desk.settings, desk.memory.run
        folder = live2d_folder(settings)
        if run is None or run.foreign or run.updates == 0 or folder is None:
            return None
        image_data = settings.image_data
        warp = Path(str(image_data.warp_folder))
        networks = read_warp_settings(warp / SETTINGS_NAME).networks
        names = [path.name for path in warp.iterdir()]
        table = find_particle_table(names, networks, image_data.warp_particles, frozenset())
        if table is None:
            return None
        if image_data.warp_particles == "good":
            self._tell(_OTHER_ORDER)
        microscope = settings.microscope
        return Live2dTask(
            session=desk.folder,
            session_id=desk.context.uuid,
            warp=warp,
            folder=folder,
            table=warp / table,
            networks=networks,
            box_px=run.box_px,
            pixel_size_a=run.pixel_size_a,
            voltage_kv=microscope.voltage_kv or 300.0,
            cs_mm=microscope.cs_mm,
            amplitude_contrast=microscope.amplitude_contrast,
            entries=self._entries(),
        )

    def _entries(self) -> tuple[Live2dEntry, ...]:
        """Return the entries of the run that goes on."""
        desk, run = self._desk, self._desk.run
        with desk.context.catalogue.read() as connection:
            rows = class_updates.listed(connection, desk.context.session_id)
        found = []
        for row in rows:
            if row["run"] != run.number:
                continue
            settings = desk.revisions(row["settings_revision"])
            kind = row["kind"] if row["kind"] in KINDS else "refinement"
            found.append(
                Live2dEntry(
                    number=row["number"],
                    folder=desk.folder / row["folder"],
                    kind=kind,
                    limit_a=row["limit_a"],
                    fraction=1.0 if row["fraction"] is None else float(row["fraction"]),
                    finished_at=float(row["finished_at"]),
                    settings=live2d_settings(settings, run),
                )
            )
        return tuple(found)

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._desk.context.log.warning(text)
