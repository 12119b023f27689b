"""An entry of the history has been written: into the catalogue with it, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.model.errors import InputError
from frazil.store.catalogue import class_overrides, class_updates
from frazil.tracks.classify2d import yields
from frazil.tracks.classify2d.history import ENTRY, adopt, entry_values, remove_unfinished

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from frazil.tracks.classify2d.desk import Desk


class Entries:
    """Keeps the history of a session, its numbers, and the movies' share in good classes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def put_right(self) -> list[dict[str, Any]]:
        """After a crash: remove what is half-written, take over what is finished; returns the latter."""
        desk, context = self._desk, self._desk.context
        remove_unfinished(context.folder)
        with context.catalogue.write() as connection:
            adopted = adopt(connection, context.session_id, context.folder)
            number, run = class_updates.last_numbers(connection, context.session_id)
            memory = desk.memory
            desk.remember(
                connection, last_number=max(number, memory.last_number), last_run=max(run, memory.last_run)
            )
            current = memory.run
            of_run = [entry for entry in adopted if current is not None and entry["run"] == current.number]
            if of_run:
                desk.remember_run(connection, **_published(of_run[-1]))
        for entry in adopted:
            context.log.info("entry taken over", update=entry["number"], folder=entry["folder"])
        return adopted

    def add(self, summary: Mapping[str, Any], **remembered: Any) -> int:
        """Add the entry of a task that has just ended; returns its number.

        ``remembered`` goes into the track's memory in the same transaction.
        """
        desk, context = self._desk, self._desk.context
        number = int(summary[ENTRY]["number"])
        folder = f"{desk.run.folder}/update{int(summary[ENTRY]['update_in_run']):03d}"
        values = entry_values(summary, folder)
        if values is None:
            raise InputError(f"{folder}/summary.json does not say what it is")
        values["finished_at"] = context.wall_clock()
        values["seconds"] = max(0.0, values["finished_at"] - float(summary[ENTRY]["begun_at"]))
        with context.catalogue.write() as connection:
            class_updates.add(connection, context.session_id, number, values)
            self._inherit(connection, values)
            yields.recount(connection, context.session_id, context.folder)
            desk.remember(connection, last_number=max(number, desk.memory.last_number), **remembered)
            # Unusable images are in no class, but they are in the run.
            published = {**_published(values), "published_particles": desk.pool.fed_particles}
            desk.remember_run(connection, **published)
        context.publish("classes", {"number": number})
        context.publish("movies", {"names": [], "many": True})
        kind, limit = values["kind"], values["limit_a"]
        context.log.info("update", update=number, kind=kind, particles=values["particles"], limit_a=limit)
        return number

    def _inherit(self, connection: Connection, entry: Mapping[str, Any]) -> None:
        """In the first entry of a run that began with the averages of another: what was decided about those.

        Class by class: the run's first classes are the other's, in the same order.
        """
        session, run = self._desk.context.session_id, self._desk.run
        if entry["update_in_run"] != 1 or run.source is None:
            return
        sources = [row for row in class_updates.listed(connection, session) if row["folder"] == run.source]
        if not sources:
            return
        source = class_updates.get(connection, session, sources[0]["number"])
        decided = class_overrides.of_run(connection, session, source["run"])
        who = {item["class_id"]: item.get("stable_id") for item in source["summary"]["classes"]}
        choices = {
            int(item["stable_id"]): decided[who[item["class_id"]]]
            for item in entry["summary"]["classes"]
            if item.get("stable_id") and not item.get("parents") and who.get(item["class_id"]) in decided
        }
        class_overrides.change(
            connection,
            session,
            entry["run"],
            choices,
            saved_by="Frazil",
            saved_at=self._desk.context.wall_clock(),
        )


def _published(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "updates": int(entry["update_in_run"]),
        "published_particles": int(entry["particles"]),
        "published_revision": int(entry["settings_revision"]),
        "published_at": float(entry["finished_at"]),
    }
