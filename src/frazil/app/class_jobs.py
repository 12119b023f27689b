"""Buttons of scheduled 2D classification: Start job now, Start automatic jobs, Stop all jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from frazil.app import controls, settings_changes
from frazil.app.access import session_for
from frazil.app.errors import ConflictError
from frazil.model.errors import InputError
from frazil.model.track import ControlRefusedError
from frazil.store.catalogue import revisions, tracks
from frazil.tracks.classify2d.memory import TrackMemory
from frazil.tracks.classify2d.messages import Keep, StartJobNow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frazil.app.access import Actor
    from frazil.app.hub import Hub
    from frazil.model.track import TrackName, TrackState

_TRACK: TrackName = "classify2d"


def start_job(
    hub: Hub, actor: Actor, session_id: int, values: Mapping[str, Any], base_revision: int
) -> dict[str, Any]:
    """Save the staged settings and begin a job at once; afterwards more begin by themselves.

    With streaming, which knows no jobs, the track is started.

    Raises
    ------
    ControlRefusedError
        A job runs already.
    ConflictError
        Somebody saved other settings since ``base_revision``, or the session is archived.
    InputError
        A value can't be used.
    """
    memory, state = _now(hub, actor, session_id)
    if state != "stopped" and memory.jobs.state in ("running", "stopping"):
        refused = "running" if memory.jobs.state == "running" else "stopping"
        raise ControlRefusedError("Start job now", cast("TrackState", refused), "stop it first")
    shown = settings_changes.save(hub, actor, session_id, values, base_revision)
    if shown["values"]["mode"] == "streaming":
        return controls.start(hub, actor, session_id, _TRACK)
    if state == "running":
        hub.runner(session_id, _TRACK).post(StartJobNow())
        return next(t for t in controls.list_tracks(hub, actor, session_id) if t["track"] == _TRACK)
    if state != "stopped":
        raise ControlRefusedError("Start job now", cast("TrackState", state), "wait until that is over")
    with hub.catalogue.write() as connection:
        row = tracks.get(connection, session_id, _TRACK)
        tracks.remember(connection, session_id, _TRACK, {**row.memory, "wish": "job"})
    return controls.start(hub, actor, session_id, _TRACK)


def start_automatic(
    hub: Hub, actor: Actor, session_id: int, values: Mapping[str, Any], base_revision: int
) -> dict[str, Any]:
    """Save the staged settings and begin jobs whenever there are enough new particles; errors as above."""
    _now(hub, actor, session_id)
    mode = values.get("mode") or settings_changes.show(hub, actor, session_id)["values"]["mode"]
    if mode == "streaming":
        raise InputError("streaming needs no jobs: it classifies particles as they come; start the track")
    settings_changes.save(hub, actor, session_id, values, base_revision)
    return controls.start(hub, actor, session_id, _TRACK)


def stop_jobs(hub: Hub, actor: Actor, session_id: int, *, now: bool = False) -> dict[str, Any]:
    """Stop after the present cycle, or ``now``; what is complete stays."""
    return controls.stop(hub, actor, session_id, _TRACK, now=now)


def keep_update(hub: Hub, actor: Actor, session_id: int) -> dict[str, Any]:
    """Let streaming write an entry of the history as soon as its present batch is done.

    Raises
    ------
    InputError
        Scheduled jobs: they keep every cycle.
    ControlRefusedError
        It does not run.
    """
    _, state = _now(hub, actor, session_id)
    with hub.catalogue.read() as connection:
        mode = revisions.newest(connection, session_id).settings().classification.mode
    if mode != "streaming":
        raise InputError("scheduled jobs keep every cycle; only streaming is asked to keep one")
    if state != "running":
        raise ControlRefusedError("Keep", cast("TrackState", state), "start it first")
    hub.runner(session_id, _TRACK).post(Keep())
    return next(t for t in controls.list_tracks(hub, actor, session_id) if t["track"] == _TRACK)


def show_jobs(hub: Hub, actor: Actor, session_id: int) -> dict[str, Any]:
    """Show how scheduled classification stands.

    Returns
    -------
        mode (as set), state (stopped, listening, running or stopping), job (mode, cycles_done and cycles; or
        None), cycle (of the session), last_particles, error (of the last job), run (number or None).
    """
    memory, state = _now(hub, actor, session_id, role_viewer=True)
    with hub.catalogue.read() as connection:
        mode = revisions.newest(connection, session_id).settings().classification.mode
    jobs = memory.jobs
    job = jobs.job
    return {
        "mode": mode,
        "state": "stopped" if state == "stopped" else jobs.state,
        "job": None if job is None else job.model_dump(include={"mode", "cycles_done", "cycles"}),
        "cycle": jobs.cycle,
        "last_particles": jobs.last_particles,
        "error": jobs.error,
        "run": None if memory.run is None else memory.run.number,
    }


def _now(hub: Hub, actor: Actor, session_id: int, *, role_viewer: bool = False) -> tuple[TrackMemory, str]:
    with hub.catalogue.read() as connection:
        session = session_for(connection, actor, session_id, "viewer" if role_viewer else "operator")
        row = tracks.get(connection, session_id, _TRACK)
    if session.life == "archived" and not role_viewer:
        raise ConflictError(f"S{session_id} is archived: no track can start")
    return TrackMemory.model_validate(row.memory), row.state
