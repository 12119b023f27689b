"""Movies on their way to the workers: which, how many, with what settings."""

from __future__ import annotations

import itertools
import uuid
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.engine.executor import Task
from frazil.model.settings_complete import reason_incomplete
from frazil.stages.movie_task import MovieTask
from frazil.store.catalogue.movies import manual_picks_of, record_of
from frazil.tracks.preprocess import rows
from frazil.tracks.preprocess.flights import Began, Flight
from frazil.tracks.preprocess.planner import next_movies
from frazil.tracks.runner import BlockedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from frazil.stages.record import MovieRecord
    from frazil.tracks.context import TrackContext
    from frazil.tracks.preprocess.flights import Flights
    from frazil.tracks.revision_settings import RevisionSettings

_FEWEST_ALIKE = 3


class Dispatcher:
    """Hands movies to the engine: as many as can begin at once, and one to wait: the order stays fresh."""

    def __init__(
        self,
        context: TrackContext,
        settings: RevisionSettings,
        flights: Flights,
        process: Callable[[MovieTask], MovieRecord],
    ) -> None:
        self._context, self._settings, self._flights = context, settings, flights
        self._process = process
        self._sizes: Counter[tuple[int, int]] = Counter()
        self._one_thread: set[int] = set()
        self._taken = 0
        self._keys = (f"{uuid.uuid4().hex[:8]}-{serial}" for serial in itertools.count())

    def hand_out(self, skip: set[int]) -> None:
        """Give the next movies to the engine, except those to ``skip``.

        Raises `BlockedError` where a setting is missing that processing can't do without.
        """
        context = self._context
        room = context.executor.free("movies") + 1 - self._flights.waiting
        if room <= 0:
            return
        newest = self._settings.newest()
        settings = self._settings(newest)
        if settings.resources.preprocess_workers is not None:
            room = min(room, settings.resources.preprocess_workers - len(self._flights))
        with context.catalogue.read() as connection:
            found = rows.waiting(
                connection, context.session_id, context.wall_clock(), skip | self._flights.numbers, room
            )
        chosen = next_movies(found, settings.transfer.processing_order, room, self._taken)
        if not chosen:
            return
        if reason := reason_incomplete(settings):
            raise BlockedError(reason)
        priorities = {movie.number: movie.priority for movie in chosen}
        taken = self._mark(priorities, newest)
        self._taken += len(taken)
        for number in (number for number in priorities if number in taken):
            context.executor.submit(self._task(taken[number], priorities[number]))
        context.publish("movies", {"names": [row["name"] for row in taken.values()]})

    def _mark(self, priorities: Mapping[int, int], newest: int) -> dict[int, dict[str, Any]]:
        """Mark movies as being processed; returns the rows of those that still waited."""
        session = self._context.session_id
        with self._context.catalogue.write() as connection:
            present = rows.rows(connection, session, list(priorities))
            taken = {number: row for number, row in present.items() if row["state"] == "queued"}
            changes = {}
            for number, row in taken.items():
                # The newest settings; where there are results already, those that a person confirmed.
                if row["settings_revision"] is None:
                    row["target_revision"] = newest
                changes[number] = {"state": "processing", "target_revision": row["target_revision"]}
            rows.change_many(connection, session, changes)
        return taken

    def _task(self, row: Mapping[str, Any], priority: int) -> Task:
        context, revision = self._context, int(row["target_revision"])
        settings = self._settings(revision)
        key = f"{context.uuid}/preprocess/{row['name']}/{next(self._keys)}"
        self._flights.add(Flight(row["number"], row["name"], key, revision))
        work = MovieTask(
            session=context.folder,
            name=row["name"],
            source=Path(row["raw_path"]),
            settings=settings,
            record=record_of(row),
            device=context.device,
            expected_size=self._expected_size(),
            revision=revision,
            manual_picks=manual_picks_of(row),
            listed_as=_listed_as(context.folder, row["raw_path"]),
            threads=1 if row["number"] in self._one_thread else settings.resources.preprocess_threads,
        )
        return Task(
            key,
            self._process,
            (work,),
            pool="movies",
            priority=(float(priority),),
            timeout_s=60.0 * settings.resources.movie_timeout_min,
            # A movie whose worker died waits before its next try, like any other failure.
            attempts=1,
            done=context.post,
            started=lambda key, _worker: context.post(Began(key)),
        )

    def use_one_thread(self, number: int) -> None:
        """Try this movie with one thread from now on: memory was short."""
        self._one_thread.add(number)

    def forget_sizes(self) -> None:
        """Begin to learn the movies' size."""
        self._sizes.clear()

    def learn_size(self, record: MovieRecord) -> None:
        """Note the size of a movie that was processed."""
        if record.stage("sum").state == "done" and record.numbers.get("source_width_px"):
            size = int(record.number("source_width_px")), int(record.number("source_height_px"))
            self._sizes[size] += 1

    def _expected_size(self) -> tuple[int, int] | None:
        """Size of this session's movies once enough of them agree: one odd movie must not stop the others."""
        for size, count in self._sizes.most_common(1):
            if count >= _FEWEST_ALIKE and 3 * count > 2 * self._sizes.total():
                return size
        return None


def _listed_as(folder: Path, raw_path: str) -> str:
    """Name a movie for RELION, which takes no blanks in names; then an export has to rename it."""
    inside = raw_path.startswith(f"{folder}/")
    name = raw_path.removeprefix(f"{folder}/") if inside else raw_path
    return "" if len(name.split()) != 1 else name
