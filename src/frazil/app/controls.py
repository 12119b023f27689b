"""Start, Stop, Restart and Clear of tracks, for people: checked, told beforehand, noted."""

from __future__ import annotations

import contextlib
from concurrent.futures import TimeoutError as NotInTimeError
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from frazil.app.access import session_for
from frazil.app.clear_preview import describe_clear
from frazil.app.errors import ConflictError
from frazil.app.redo_preview import preview
from frazil.model.errors import FrazilError, InputError, PassingError
from frazil.model.redo import TEXTS
from frazil.model.settings_complete import reason_incomplete
from frazil.model.track import TRACKS, Clear, ControlRefusedError, Restart, Start, Stop
from frazil.model.words import plural
from frazil.stages.live2d.own import live2d_folder
from frazil.stages.live2d.removal import cycles_of_session
from frazil.store.catalogue import audit, class_updates, revisions, tracks
from frazil.tracks.classify2d.messages import FinalPass

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from frazil.app.access import Actor, Role
    from frazil.app.hub import Hub
    from frazil.model.settings import Settings
    from frazil.model.track import TrackName, TrackState

_ANSWER_S = 20.0
"""Within this time a track has taken a control, or something is badly wrong."""


def list_tracks(hub: Hub, actor: Actor, session_id: int) -> list[dict[str, Any]]:
    """Tracks of a session in their order: track, wanted, state, reason, since, details.

    ``details`` says what a track that is not stopped is doing: working (how much is in work), waits_for, and
    what else it tells.
    """
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, "viewer")
        rows = tracks.listed(connection, [session_id])
    return [
        {
            "track": row.track,
            "wanted": row.wanted,
            "state": row.state,
            "reason": row.reason,
            "since": row.since,
            "details": {} if row.state == "stopped" else hub.runner(session_id, row.track).details,
        }
        for row in rows
    ]


def start(hub: Hub, actor: Actor, session_id: int, track: TrackName) -> dict[str, Any]:
    """Start a track.

    Raises
    ------
    InputError
        A setting is missing that it can't do without.
    ConflictError
        The session is archived.
    ControlRefusedError
        It makes no sense in the track's present state.
    """
    _check_startable(hub, actor, session_id, track)
    return _control(hub, actor, session_id, track, Start())


def stop(
    hub: Hub,
    actor: Actor,
    session_id: int,
    track: TrackName,
    *,
    now: bool = False,
    final_pass: bool = False,
) -> dict[str, Any]:
    """Stop a track.

    Parameters
    ----------
    now
        Without waiting for what is in work.
    final_pass
        Streaming 2D classification visits every particle once more before, which may take minutes.

    Raises
    ------
    InputError
        ``final_pass`` with something else than streaming, or with ``now``.
    ControlRefusedError
        It makes no sense in the track's present state.
    """
    _allowed(hub, actor, session_id, "operator")
    if final_pass:
        _wish_final_pass(hub, session_id, track, now=now)
    return _control(hub, actor, session_id, track, Stop(now))


def _wish_final_pass(hub: Hub, session_id: int, track: TrackName, *, now: bool) -> None:
    with hub.catalogue.read() as connection:
        mode = revisions.newest(connection, session_id).settings().classification.mode
    if track != "classify2d" or mode != "streaming" or now:
        raise InputError("final_pass: only streaming 2D classification has one, and not with a stop at once")
    runner = hub.runner(session_id, track)
    if runner.state not in ("running", "paused"):
        raise ControlRefusedError("Stop with a final pass", cast("TrackState", runner.state))
    runner.post(FinalPass())


def restart(hub: Hub, actor: Actor, session_id: int, track: TrackName) -> dict[str, Any]:
    """Restart a track: newest settings for everything, failures tried again. Errors as of `start`."""
    _check_startable(hub, actor, session_id, track)
    return _control(hub, actor, session_id, track, Restart())


def clear(
    hub: Hub, actor: Actor, session_id: int, track: TrackName, runs: Collection[int] = ()
) -> dict[str, Any]:
    """Remove a track's products; of file transfer this takes an owner.

    ``runs``: only these runs of 2D classification; `InputError` for one that isn't there.
    """
    _allowed(hub, actor, session_id, "owner" if track == "transfer" else "operator")
    if runs:
        _check_runs(hub, session_id, track, runs)
    return _control(hub, actor, session_id, track, Clear(tuple(sorted(set(runs)))))


def _check_runs(hub: Hub, session_id: int, track: TrackName, runs: Collection[int]) -> None:
    if track != "classify2d":
        raise InputError(f"runs: the {track} track has none; only 2D classification has")
    with hub.catalogue.read() as connection:
        known = {entry["run"] for entry in class_updates.listed(connection, session_id)}
    if unknown := sorted(set(runs) - known):
        raise InputError(f"S{session_id} has no run {unknown[0]} of 2D classification")


def restart_preview(hub: Hub, actor: Actor, session_id: int, track: TrackName) -> dict[str, Any]:
    """Say what Restart would do: ``text``, and for pre-processing what would be redone."""
    with hub.catalogue.read() as connection:
        session = session_for(connection, actor, session_id, "viewer")
        if track == "preprocess" and session.kind == "warp":
            return {
                "text": "Everything is read from the Warp folder again; what is unchanged stays as it is."
            }
        if track == "preprocess":
            newest = revisions.newest(connection, session_id).settings()
            counted = preview(connection, session, newest, hub.movie_workers())
            return {"text": _restart_text(counted), **counted}
    if track == "transfer":
        text = (
            "The source is listed anew and every file compared with what was transferred; only what is "
            "missing or changed is transferred, and failed files are tried again."
        )
    else:
        text = TEXTS["new_run"]
    return {"text": text}


def clear_preview(hub: Hub, actor: Actor, session_id: int, track: TrackName) -> dict[str, Any]:
    """Say what Clear would remove and what it keeps; see `frazil.app.clear_preview`."""
    with hub.catalogue.read() as connection:
        session = session_for(connection, actor, session_id, "viewer")
        folder, warp = Path(session.folder), session.kind == "warp"
        live2d = live2d_folder(revisions.newest(connection, session_id).settings()) if warp else None
        mine: list[Path] = []
        if track == "classify2d" and live2d is not None and hub.config.allows(live2d):
            # What can't be read is told when it is to be removed.
            with contextlib.suppress(FrazilError, OSError):
                mine = cycles_of_session(live2d, session.uuid)
        return describe_clear(connection, session_id, folder, track, follows_warp=warp, live2d=mine)


def start_all(hub: Hub, actor: Actor, session_id: int) -> dict[str, Any]:
    """Start all tracks; per track its state, or ``error`` for one that could not be started."""
    names = _tracks_of(hub, actor, session_id)
    return _all(names, lambda track: start(hub, actor, session_id, track))


def stop_all(hub: Hub, actor: Actor, session_id: int, *, now: bool = False) -> dict[str, Any]:
    """Stop all tracks; per track its state, or ``error``."""
    names = _tracks_of(hub, actor, session_id)
    return _all(names, lambda track: stop(hub, actor, session_id, track, now=now))


def _tracks_of(hub: Hub, actor: Actor, session_id: int) -> Sequence[TrackName]:
    """Tracks that a session has: one on a Warp folder has no file transfer."""
    with hub.catalogue.read() as connection:
        session = session_for(connection, actor, session_id, "operator")
    return [track for track in TRACKS if track != "transfer" or session.kind != "warp"]


def _all(names: Sequence[TrackName], do: Any) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for track in names:
        try:
            result[track] = do(track)
        except FrazilError as error:
            result[track] = {"track": track, "error": str(error)}
    return result


def _control(
    hub: Hub, actor: Actor, session_id: int, track: TrackName, event: Start | Stop | Restart | Clear
) -> dict[str, Any]:
    runner = hub.runner(session_id, track)
    before = runner.state
    try:
        runner.control(event).result(_ANSWER_S)
    except NotInTimeError:
        raise PassingError(f"the {track} track does not answer; see its log, and try again") from None
    with hub.catalogue.write() as connection:
        audit.add(
            connection,
            at=hub.now(),
            who=actor.login,
            what=f"track.{type(event).__name__.lower()}",
            session_id=session_id,
            before={"track": track, "state": before},
            after={
                "track": track,
                "state": runner.state,
                "now": getattr(event, "now", False),
                **_runs(event),
            },
        )
        row = tracks.get(connection, session_id, track)
    return {
        "track": track,
        "wanted": row.wanted,
        "state": runner.state,
        "reason": runner.reason,
        "since": row.since,
    }


def _runs(event: Start | Stop | Restart | Clear) -> dict[str, Any]:
    return {"runs": list(event.runs)} if isinstance(event, Clear) and event.runs else {}


def _allowed(hub: Hub, actor: Actor, session_id: int, role: Role) -> None:
    with hub.catalogue.read() as connection:
        session_for(connection, actor, session_id, role)


def _check_startable(hub: Hub, actor: Actor, session_id: int, track: TrackName) -> None:
    with hub.catalogue.read() as connection:
        session = session_for(connection, actor, session_id, "operator")
        settings = revisions.newest(connection, session_id).settings()
    if session.life in ("archived", "deleting"):
        raise ConflictError(f"S{session_id} is {session.life}: no track can start")
    if reason := reason_not_startable(settings, track):
        raise InputError(reason)


def reason_not_startable(settings: Settings, track: TrackName) -> str:
    """Which setting keeps a track from starting; empty where none does."""
    if settings.session.kind == "warp":
        return _reason_not_followed(settings, track)
    if track == "transfer":
        return "" if settings.image_data.source_path else "the source is missing: set source_path"
    if track == "classify2d":
        return "" if settings.microscope.voltage_kv else "the voltage is missing: set voltage_kv"
    for path in (settings.gain.gain_path, settings.gain.defects_path):
        if path is not None and not Path(path).is_file():
            return f"{path}: no such file"
    return reason_incomplete(settings)


def _reason_not_followed(settings: Settings, track: TrackName) -> str:
    if track == "transfer":
        return "a session on a Warp folder has no file transfer"
    folder = settings.image_data.warp_folder
    if folder is None:
        return "the Warp folder is missing: set warp_folder"
    if track == "preprocess" and not Path(folder).is_dir():
        return f"{folder}: no such folder"
    return ""


def _restart_text(counted: dict[str, Any]) -> str:
    movies, failed = counted["movies"], counted["failed_movies"]
    if not movies and not failed:
        return "Every result is up to date; failed movies are tried again."
    told = plural(movies, "movie is", "movies are")
    return f"{told} brought up to date, newest first; failed movies are tried again."
