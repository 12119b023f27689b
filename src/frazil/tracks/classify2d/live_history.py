"""The class history of a Live2D folder that was there before the session: taken over once."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from frazil.formats.live2d import cycles_of, read_live2d_run
from frazil.formats.warp_particles import find_particle_table
from frazil.formats.warp_settings import SETTINGS_NAME, read_warp_settings
from frazil.model.errors import FrazilError
from frazil.model.redo import job_token
from frazil.stages.live2d.own import live2d_folder
from frazil.stages.live2d.task import HistoryTask
from frazil.stages.tasks import take_over_live2d
from frazil.store.catalogue import class_updates, revisions
from frazil.store.catalogue.schema import movies
from frazil.tracks.classify2d.memory import RunMemory
from frazil.tracks.classify2d.side_task import SideTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from frazil.engine.executor import Outcome
    from frazil.tracks.classify2d.desk import Desk
    from frazil.tracks.classify2d.entries import Entries

_SAME_PIXEL = 1e-3


class LiveHistory:
    """Takes over what a Live2D folder holds, before the session has classes of its own.

    Parameters
    ----------
    desk, entries
        What the track works with.
    take_over
        What a worker does.
    """

    def __init__(
        self,
        desk: Desk,
        entries: Entries,
        take_over: Callable[[HistoryTask], dict[str, Any]] = take_over_live2d,
    ) -> None:
        self._desk, self._entries, self._take_over = desk, entries, take_over
        self._reading = SideTask(desk.context, "live2d-history", 2.0)

    def begin(self) -> None:
        """See whether there is anything to take over."""
        self._reading.busy = False
        desk = self._desk
        memory = desk.memory
        if memory.live2d == "" and memory.last_number == 0 and memory.last_run == 0 and self._has_cycles():
            self._remember(live2d="wanted")

    @property
    def is_pending(self) -> bool:
        """Whether something is still to be taken over."""
        return self._desk.memory.live2d == "wanted"

    def step(self) -> None:
        """Begin as soon as the movies are known, which say whose particles they are."""
        if self._reading.busy:
            return
        try:
            task = self._task()
        except (FrazilError, OSError) as error:
            self._give_up(f"Live2D's history can't be taken over: {error}")
            return
        if task is not None:
            self._reading.begin(self._take_over, task)

    def take_in(self, outcome: Outcome) -> bool:
        """Take in what came of it; False where the outcome is another task's."""
        if not self._reading.ends_with(outcome):
            return False
        if outcome.cancelled or not self.is_pending:
            return True
        if outcome.error:
            self._give_up(f"Live2D's history could not be taken over: {outcome.error}")
            return True
        desk, found = self._desk, outcome.value
        self._entries.put_right()
        values: dict[str, Any] = {"live2d": "done"}
        if found["entries"]:
            values["run"] = self._run(found)
            values["new_data_set"] = not self._is_same_data_set()
            jobs = desk.memory.jobs
            values["jobs"] = jobs.model_copy(
                update={"cycle": found["cycle"], "last_particles": found["particles"]}
            )
        self._remember(**values)
        desk.pool.begin_run({})
        desk.context.log.info(
            "Live2D's history was taken over", entries=found["entries"], left_out=found["left_out"]
        )
        desk.context.publish("classes", {"number": desk.memory.last_number or None})
        desk.context.publish("movies", {"names": [], "many": True})
        return True

    def forget(self) -> None:
        """Take nothing over any more: everything is cleared."""
        self._reading.cancel()
        if self.is_pending:
            self._remember(live2d="done")

    def _has_cycles(self) -> bool:
        folder = live2d_folder(self._desk.settings)
        if folder is None or not self._desk.context.allowed(folder):
            return False
        try:
            return bool(cycles_of(read_live2d_run(folder) or {}))
        except (FrazilError, OSError) as error:
            self._desk.context.log.warning(f"Live2D's history can't be read: {error}")
            return False

    def _task(self) -> HistoryTask | None:
        """Return what is to be done; None as long as the movies of Warp's table are not in the session."""
        desk = self._desk
        settings, context = desk.settings, desk.context
        folder = live2d_folder(settings)
        if folder is None:
            return None
        warp = Path(str(settings.image_data.warp_folder))
        networks = read_warp_settings(warp / SETTINGS_NAME).networks
        names = [path.name for path in warp.iterdir()]
        table = find_particle_table(names, networks, settings.image_data.warp_particles, frozenset())
        query = select(movies.c.number, movies.c.name, movies.c.path)
        with context.catalogue.read() as connection:
            rows = connection.execute(query.where(movies.c.session_id == context.session_id)).all()
            if table is not None and not rows:
                return None
            revision = revisions.newest(connection, context.session_id).revision
        warp_names = {row.number: PurePosixPath(row.path).name.removesuffix(".xml") for row in rows}
        pixel_a = settings.detection.particle_pixel_size_a or settings.microscope.pixel_size_a or 1.0
        return HistoryTask(
            session=desk.folder,
            folder=folder,
            table=None if table is None else warp / table,
            networks=networks,
            names={warp_names[row.number]: row.name for row in rows},
            numbers={warp_names[row.number]: row.number for row in rows},
            run=1,
            first_number=1,
            revision=revision,
            pixel_size_a=pixel_a,
        )

    def _run(self, found: dict[str, Any]) -> RunMemory:
        """Return the run that the last cycle ends: a job goes on from its classes, in a run of its own."""
        desk = self._desk
        settings = desk.settings
        with desk.context.catalogue.read() as connection:
            last = class_updates.get(connection, desk.context.session_id)
        return RunMemory(
            number=1,
            revision=last["settings_revision"],
            token=desk.token,
            job_token=job_token(settings),
            mode=found["mode"] if found["mode"] in ("abinit", "seeded", "refine") else "refine",
            box_px=found["box_px"],
            pixel_size_a=float(last["summary"]["pixel_size_a"]),
            mask_radius_a=found["mask_radius_a"] or 0.0,
            class_count=found["class_count"],
            updates=found["entries"],
            published_particles=found["particles"],
            published_revision=last["settings_revision"],
            published_at=float(last["finished_at"]),
            foreign=True,
        )

    def _is_same_data_set(self) -> bool:
        """Whether Live2D's last cycle was of particles as Warp makes them."""
        desk = self._desk
        with desk.context.catalogue.read() as connection:
            last = class_updates.get(connection, desk.context.session_id)
        then, now = last["summary"]["entry"]["live2d_settings"], desk.settings
        pairs = (
            (then.get("box_size"), now.detection.box_size_px),
            (then.get("pixel_size"), now.detection.particle_pixel_size_a),
            (then.get("warp_value_cutoff", then.get("warp_cutoff_value")), now.detection.pick_threshold),
        )
        for before, value in pairs:
            if before is None or value is None:
                continue
            try:
                same = abs(float(before) - value) <= _SAME_PIXEL * max(1.0, abs(value))
            except (TypeError, ValueError):
                continue
            if not same:
                return False
        net, present = then.get("neural_net"), now.image_data.neural_net
        return not net or not present or Path(str(net)).stem == Path(present).stem

    def _give_up(self, text: str) -> None:
        self._desk.context.log.warning(text)
        self._remember(live2d="done")

    def _remember(self, **values: Any) -> None:
        with self._desk.context.catalogue.write() as connection:
            self._desk.remember(connection, **values)
