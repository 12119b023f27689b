"""What Follow Warp does, step by step."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frazil.model.errors import InputError
from frazil.store.catalogue import tracks
from frazil.tracks.disk_space import reason_no_space
from frazil.tracks.follow_warp import rows
from frazil.tracks.follow_warp.clearing import clear_followed
from frazil.tracks.follow_warp.data_sets import FollowMemory, settings_as_warp, with_settings
from frazil.tracks.follow_warp.finding import Finder
from frazil.tracks.follow_warp.folder import OUTSIDE, WarpFolder
from frazil.tracks.follow_warp.moved import follow_moved
from frazil.tracks.follow_warp.news import News
from frazil.tracks.follow_warp.revision import save_as_warp
from frazil.tracks.follow_warp.taking_in import take_in
from frazil.tracks.revision_settings import RevisionSettings
from frazil.tracks.runner import BlockedError
from frazil.tracks.transfer.names import ProductNames

if TYPE_CHECKING:
    from collections.abc import Collection

    from frazil.model.settings import Settings
    from frazil.tracks.context import TrackContext
    from frazil.tracks.follow_warp.taking_in import Found

_AT_ONCE = 100
_SOON_S = 1.0
_LOOK_SHARE = 0.1
"""At most this share of the time goes into looking at a large folder."""
_DARK = "Warp's Invert is off: its particles are dark, and so will be the averages; switch it on in Warp"


class FollowWarpBody:
    """Reads Warp's settings, movies and particles as they come, and computes nothing.

    Parameters
    ----------
    context
        The session, and what a track may touch.
    """

    def __init__(self, context: TrackContext) -> None:
        self._context = context
        self._revisions = RevisionSettings(context.catalogue, context.session_id)
        self._memory = FollowMemory()
        self._folder: WarpFolder | None = None
        self._known: dict[str, rows.Known] = {}
        self._names = ProductNames(set())
        self._restart_finding()
        self._look_s = 0.0
        self._told = ""

    def _restart_finding(self) -> None:
        context = self._context
        self._finder = Finder(context.allowed, context.clock, context.wall_clock)
        self._news = News(lambda block: self._finder.stack_signature(self._warp_folder.path, block))
        self._todo: deque[str] = deque()
        self._waiting: dict[str, str] = {}

    @property
    def _settings(self) -> Settings:
        return self._revisions(self._revisions.newest())

    @property
    def _warp_folder(self) -> WarpFolder:
        if self._folder is None:
            raise InputError("Follow Warp was not begun")
        return self._folder

    def begin(self, *, anew: bool) -> None:
        """Read what the session has; ``anew``: everything of Warp's is taken in once more.

        Raises `BlockedError` where there is no Warp folder that may be looked at.
        """
        context, settings = self._context, self._settings
        if reason := self._reason_no_folder(settings):
            raise BlockedError(reason)
        with context.catalogue.read() as connection:
            memory = tracks.get(connection, context.session_id, "preprocess").memory
            self._known = rows.known_movies(connection, context.session_id, anew=anew)
        self._memory = FollowMemory.model_validate(memory)
        image_data = settings.image_data
        path = Path(str(image_data.warp_folder))
        self._folder = WarpFolder(path, image_data.warp_particles, context.allowed)
        follow_moved(context, path)
        self._names = ProductNames({known.name for known in self._known.values()})
        self._restart_finding()
        context.log.info("begin", anew=anew, warp_folder=image_data.warp_folder, movies=len(self._known))

    def step(self) -> float:
        """Take in some of what is new; where nothing is left of it, look again."""
        if reason := self._reason_no_space():
            raise BlockedError(reason)
        if self._settings.image_data.warp_folder not in (None, str(self._warp_folder.path)):
            self.begin(anew=False)
        if not self._todo and not self._look():
            return _SOON_S
        self._take_in([self._todo.popleft() for _ in range(min(_AT_ONCE, len(self._todo)))])
        if self._todo:
            return 0.0
        wait_s = max(float(self._settings.transfer.poll_s), self._look_s / _LOOK_SHARE)
        # A stack is used when two looks agree: the second one need not be late.
        return min(wait_s, max(_SOON_S, self._look_s / _LOOK_SHARE)) if self._waiting else wait_s

    def receive(self, _message: Any) -> None:
        """Do nothing: any message only wakes the track up."""

    @property
    def in_flight(self) -> int:
        """Nothing is given to the engine."""
        return 0

    @property
    def grace_s(self) -> float:
        """Nothing has to finish."""
        return 0.0

    @property
    def details(self) -> dict[str, Any]:
        """What the track is doing now, for those who watch."""
        waiting = dict(list(self._waiting.items())[:100])
        names = [known.name for movie in waiting if (known := self._known.get(movie)) is not None]
        first = self._folder is None or self._folder.blocks is None
        return {
            "working": len(self._waiting),
            "movies": names,
            "waits_for": "the first particles of Warp" if first else "movies of Warp",
            "failures": self._told,
        }

    def drain(self) -> None:
        """Take nothing new."""
        self._todo.clear()

    def kill(self) -> None:
        """Take nothing new."""
        self._todo.clear()

    def blocked(self) -> str:
        """Reason outside for which nothing can be done now."""
        settings = self._settings
        if reason := self._reason_no_space() or self._reason_no_folder(settings):
            return reason
        try:
            path = Path(str(settings.image_data.warp_folder))
            folder = WarpFolder(path, "all", self._context.allowed)
            settings_as_warp(settings, folder.read_settings(self._context.clock()))
        except (BlockedError, InputError) as error:
            return str(error)
        return ""

    def clear(self, _runs: Collection[int] = (), /) -> None:
        """Remove what the session holds of Warp's movies; Warp's own files stay as they are."""
        clear_followed(self._context)
        self._context.publish("movies", {"names": [], "many": True})
        self._context.nudge("classify2d")

    def _reason_no_space(self) -> str:
        return reason_no_space(self._context.folder, self._settings.transfer.min_free_gb)

    def _reason_no_folder(self, settings: Settings) -> str:
        path = settings.image_data.warp_folder
        if path is None:
            return "the Warp folder is missing: set warp_folder"
        return "" if self._context.allowed(Path(path)) else f"{path}: {OUTSIDE}"

    def _look(self) -> bool:
        """See what Warp has done; False where it changed its settings meanwhile: then look again."""
        context, folder = self._context, self._warp_folder
        began = context.clock()
        self._finder.stacks.look += 1
        folder.read_settings(began)
        self._keep_up()
        folder.look(self._memory, began)
        if folder.settings_changed():
            # What lies there now may have been made with settings that are not known yet.
            return False
        if folder.table and folder.table != self._memory.newest.table:
            self._remember(self._memory.changed(self._memory.newest, table=folder.table))
        self._tell(began)
        self._add_movies()
        with context.catalogue.read() as connection:
            again = rows.queued_again(connection, context.session_id)
        for movie in rows.named(self._known, again):
            self._known[movie] = replace(self._known[movie], again=True)
        self._todo.extend(self._news.of(folder, self._known, self._memory, self._waiting, began))
        self._look_s = context.clock() - began
        return True

    def _keep_up(self) -> None:
        """Let the session's settings say what Warp's do; another data set may begin with that."""
        context, folder = self._context, self._warp_folder
        settings, newest = self._settings, self._revisions.newest()
        if folder.settings is None:
            return
        try:
            if settings_as_warp(settings, folder.settings) != settings:
                newest = save_as_warp(context, folder.settings)
        except InputError as error:
            raise BlockedError(str(error)) from error
        memory = with_settings(self._memory, self._revisions(newest), newest)
        if folder.which != settings.image_data.warp_particles:
            folder.follow(settings.image_data.warp_particles)
            memory = memory.changed(memory.newest, table="")
        if memory != self._memory:
            if self._memory.data_sets and memory.newest.token != self._memory.newest.token:
                context.log.warning(
                    "network, threshold, box or pixel size changed in Warp: a new data set begins",
                    settings=newest,
                )
                if memory.newest.neural_net != self._memory.newest.neural_net:
                    # The other network has a table of its own.
                    folder.follow(settings.image_data.warp_particles)
            self._remember(memory)

    def _remember(self, memory: FollowMemory) -> None:
        self._memory = memory
        with self._context.catalogue.write() as connection:
            plain = memory.model_dump(mode="json")
            tracks.remember(connection, self._context.session_id, "preprocess", plain)

    def _tell(self, now: float) -> None:
        """Log what keeps Warp's particles from being used, once."""
        folder = self._warp_folder
        told = folder.words(now)
        if not told and folder.settings is not None and not folder.settings.protein_is_white:
            told = _DARK
        if told and told != self._told:
            self._context.log.warning(told)
        self._told = told

    def _add_movies(self) -> None:
        """Give rows to movies that are new."""
        folder, context = self._warp_folder, self._context
        there = dict.fromkeys((*folder.xmls, *(folder.blocks or ())))
        new = {movie: self._names.assign(f"{movie}.xml") for movie in there if movie not in self._known}
        if not new:
            return
        revision, now = self._memory.newest.revision, context.wall_clock()
        with context.catalogue.write() as connection:
            numbers = rows.add(connection, context.session_id, new, revision, now)
        for number, (movie, name) in zip(numbers, new.items(), strict=True):
            self._known[movie] = rows.Known(number, name, again=True)

    def _take_in(self, movies: list[str]) -> None:
        """Take in what is new of some movies."""
        context, folder, now = self._context, self._warp_folder, self._context.clock()
        came: list[str] = []
        others = 0
        for movie in movies:
            known, memory = self._known[movie], self._memory
            gone = self._news.gone(movie, now)
            answer, memory = self._finder.look_at(movie, known, folder, memory, gone=gone)
            if memory != self._memory:
                self._remember(memory)
            self._waiting.pop(movie, None)
            if answer.waits_for:
                self._waiting[movie] = answer.waits_for
            if answer.found is not None:
                others += self._write(known.number, answer.found, answer.waits_for)
                came.append(known.name)
            self._known[movie] = answer.known
        if came:
            context.publish("movies", {"names": came})
        if others:
            context.nudge("classify2d")

    def _write(self, number: int, found: Found, waits_for: str) -> bool:
        """Write what was found of a movie; returns whether its particles are others now."""
        context = self._context
        record = take_in(context.folder, found)
        settings = self._revisions(found.revision)
        if record.reason:
            context.log.error(record.reason, movie=found.name)
        with context.catalogue.write() as connection:
            return rows.write(connection, context.session_id, number, found, record, settings, waits_for)
