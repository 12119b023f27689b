"""A track without its thread: the test hands messages over and steps, in any order it likes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from frazil.engine.inline import InlineExecutor
from frazil.model.settings import Settings, with_values
from frazil.store.catalogue import Catalogue, movies, revisions, sessions, tracks
from frazil.store.catalogue.schema import groups
from frazil.store.log import TrackLog
from frazil.store.session import SessionFolder
from frazil.tracks.context import TrackContext

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from frazil.tracks.runner import Body

VALUES: dict[str, object] = {
    "pixel_size_a": 2.0,
    "voltage_kv": 300.0,
    "dose_per_movie_e_per_a2": 40.0,
    "particle_diameter_min_a": 128.0,
    "min_free_gb": 1.0,
}


@dataclass
class Clock:
    """Time that passes when the test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Bench:
    """One session with its catalogue, folder and engine."""

    catalogue: Catalogue
    folder: SessionFolder
    executor: InlineExecutor
    session_id: int
    clock: Clock = field(default_factory=Clock)
    mail: deque[Any] = field(default_factory=deque)
    logs: list[TrackLog] = field(default_factory=list)
    published: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    nudged: list[str] = field(default_factory=list)

    def context(self) -> TrackContext:
        def publish(kind: str, data: Mapping[str, Any], /) -> None:
            self.published.append((kind, data))

        return TrackContext(
            session_id=self.session_id,
            uuid=self.folder.id,
            folder=self.folder.path,
            catalogue=self.catalogue,
            executor=self.executor,
            log=self._log(),
            publish=publish,
            post=self.mail.append,
            nudge=self.nudged.append,
            wall_clock=self.clock,
            clock=self.clock,
            device="cpu",
            allowed=lambda _path: True,
        )

    def _log(self) -> TrackLog:
        self.logs.append(TrackLog(self.folder.path, "track"))
        return self.logs[-1]

    def close(self) -> None:
        """Let go of everything."""
        self.executor.close()
        for log in self.logs:
            log.close()
        self.folder.close()
        self.catalogue.close()

    def deliver(self, body: Body) -> None:
        """Hand over all messages, as the runner does."""
        while self.mail:
            body.receive(self.mail.popleft())

    def turn(self, body: Body, seconds: float = 1.0) -> float:
        """Hand over all messages, let time pass, step."""
        self.deliver(body)
        self.clock.now += seconds
        return body.step()

    def work(self, body: Body, most: int = 1000) -> int:
        """Step and run tasks until nothing is in flight; returns how many tasks ran."""
        ran = 0
        for _ in range(most):
            self.turn(body)
            if not body.in_flight and not self.mail:
                return ran
            ran += self.executor.run_next()
        raise AssertionError("the track never rests")

    def save_settings(self, **values: object) -> int:
        """Save a revision that changes these values; returns its number."""
        with self.catalogue.write() as connection:
            before = revisions.newest(connection, self.session_id).values
            return revisions.add(
                connection, self.session_id, {**before, **values}, saved_by="tester", saved_at=self.clock()
            )

    def add_movies(self, count: int, *, first: int = 1, source: bytes = b"frames") -> list[str]:
        """Deliver movies: their files, and their rows."""
        names = [f"movie_{number:04d}" for number in range(first, first + count)]
        for name in names:
            self.raw(name).write_bytes(source)
        with self.catalogue.write() as connection:
            movies.add_many(
                connection,
                self.session_id,
                [
                    {
                        "name": name,
                        "path": f"{name}.mrc",
                        "state": "queued",
                        "found_at": self.clock(),
                        "transferred_at": self.clock(),
                        "target_revision": 1,
                        "raw_path": str(self.raw(name)),
                    }
                    for name in names
                ],
            )
        return names

    def raw(self, name: str) -> Path:
        return self.folder.path / "raw" / f"{name}.mrc"

    def row(self, name: str) -> dict[str, Any]:
        with self.catalogue.read() as connection:
            return movies.get(connection, self.session_id, name)

    def states(self) -> dict[str, str]:
        with self.catalogue.read() as connection:
            page = movies.page(connection, self.session_id, columns=["state"], descending=False, limit=10_000)
            return {row["name"]: row["state"] for row in page.rows}

    def change(self, name: str, **values: Any) -> None:
        with self.catalogue.write() as connection:
            movies.change(connection, self.session_id, self.row(name)["number"], **values)


def make_bench(path: Path, *, slots: int = 2, catalogue: Catalogue | None = None, **values: object) -> Bench:
    """Make a session; ``values`` are its settings besides those of `VALUES`."""
    catalogue = Catalogue(path / "catalogue.sqlite") if catalogue is None else catalogue
    folder = SessionFolder(path / "session", "one")
    with catalogue.write() as connection:
        connection.execute(groups.insert().values(name="lab"))
        session_id = sessions.add(
            connection,
            uuid=folder.id,
            name="one",
            group_id=1,
            folder=str(folder.path),
            kind="movies",
            life="active",
            created_at=1.0,
        )
        tracks.add_all(connection, session_id, 1.0)
        settings = with_values(Settings(), {**VALUES, **values})
        revisions.add(connection, session_id, settings.changed(), saved_by="tester", saved_at=1.0)
    executor = InlineExecutor({"movies": slots, "classes": 1, "files": 1})
    return Bench(catalogue, folder, executor, session_id)
