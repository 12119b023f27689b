"""Tracks: start, stop, restart, clear; what that would do; logs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from frazil.app import controls, logs
from frazil.model.track import TrackName  # noqa: TC001 - FastAPI reads annotations
from frazil.web.asked import Asked
from frazil.web.gates import CurrentActor, CurrentDisk, CurrentHub, SessionId, guarded
from frazil.web.routes.settings import StageCost  # noqa: TC001 - pydantic reads annotations

router = APIRouter(prefix="/sessions/{session_id}", tags=["tracks"])

Offset = Annotated[int | None, Query(ge=0, le=2**53)]
_BLOCK = 1 << 18


class Track(BaseModel):
    """A track of a session."""

    track: TrackName
    wanted: bool = Field(description="should run, also after a restart of the server")
    state: str = Field(description="stopped, starting, running, paused, stopping or clearing")
    reason: str
    since: float
    details: dict[str, Any] = Field(
        default_factory=dict, description="what it is doing now: working, waits_for, and more of its own"
    )


class TrackOrError(BaseModel):
    """A track after a control of all, or why it refused."""

    track: TrackName
    wanted: bool | None = None
    state: str | None = None
    reason: str | None = None
    since: float | None = None
    error: str | None = None


class Stop(Asked):
    """How to stop."""

    now: bool = Field(False, description="without waiting for what is in work")


class StopTrack(Stop):
    """How to stop one track."""

    final_pass: bool = Field(
        False, description="streaming 2D classification visits every particle once more before"
    )


class ClearTrack(Asked):
    """What to clear of a track."""

    runs: list[int] = Field(
        default_factory=list, max_length=1000, description="only these runs of 2D classification; none: all"
    )


class RestartPreview(BaseModel):
    """What Restart would do; the numbers are those of pre-processing."""

    text: str
    movies: int | None = None
    kept_movies: int | None = None
    failed_movies: int | None = None
    stages: dict[str, StageCost] | None = None
    seconds: float | None = None
    bytes: int | None = None


class Removed(BaseModel):
    """One kind of thing that goes."""

    what: str
    count: int
    bytes: int


class RunToClear(BaseModel):
    """A run of 2D classification that can be cleared by itself."""

    run: int
    updates: int
    particles: int = Field(description="of its last update")
    mode: str = Field(description="streaming or jobs")
    bytes: int


class ClearPreview(BaseModel):
    """What Clear would remove, and what it keeps."""

    removes: list[Removed]
    keeps: list[str]
    count: int
    bytes: int
    runs: list[RunToClear] = Field(description="of 2D classification, each of which can be cleared alone")


class LogLine(BaseModel):
    """One line of a log."""

    model_config = ConfigDict(extra="allow")

    offset: int
    level: str | None = None
    time: str | None = None
    message: str | None = None


class LogPart(BaseModel):
    """Part of a log."""

    lines: list[LogLine]
    start: int = Field(description="as before=…, asks for what comes before")
    end: int = Field(description="as offset=…, asks for what follows")
    size: int


@router.get("/tracks", operation_id="listTracks", **guarded("viewer"))
def list_tracks(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> list[Track]:
    """How the three tracks stand."""
    return [Track.model_validate(track) for track in controls.list_tracks(hub, actor, session_id)]


@router.post("/tracks/start-all", operation_id="startAll", **guarded("operator"))
def start_all(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> list[TrackOrError]:
    """Start all tracks."""
    return _all(controls.start_all(hub, actor, session_id))


@router.post("/tracks/stop-all", operation_id="stopAll", **guarded("operator"))
def stop_all(
    hub: CurrentHub, actor: CurrentActor, session_id: SessionId, body: Stop | None = None
) -> list[TrackOrError]:
    """Stop all tracks."""
    return _all(controls.stop_all(hub, actor, session_id, now=body is not None and body.now))


@router.post("/tracks/{track}/start", operation_id="startTrack", **guarded("operator"))
def start_track(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, track: TrackName) -> Track:
    """Start a track."""
    return Track.model_validate(controls.start(hub, actor, session_id, track))


@router.post("/tracks/{track}/stop", operation_id="stopTrack", **guarded("operator"))
def stop_track(
    hub: CurrentHub,
    actor: CurrentActor,
    session_id: SessionId,
    track: TrackName,
    body: StopTrack | None = None,
) -> Track:
    """Stop a track."""
    how = body or StopTrack(now=False, final_pass=False)
    stopped = controls.stop(hub, actor, session_id, track, now=how.now, final_pass=how.final_pass)
    return Track.model_validate(stopped)


@router.post("/tracks/{track}/restart", operation_id="restartTrack", **guarded("operator"))
def restart_track(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, track: TrackName) -> Track:
    """Apply the newest settings to everything, and try failures again."""
    return Track.model_validate(controls.restart(hub, actor, session_id, track))


@router.post("/tracks/{track}/clear", operation_id="clearTrack", **guarded("operator"))
def clear_track(
    hub: CurrentHub,
    actor: CurrentActor,
    session_id: SessionId,
    track: TrackName,
    body: ClearTrack | None = None,
) -> Track:
    """Remove a track's products; of file transfer only owners may."""
    runs = [] if body is None else body.runs
    return Track.model_validate(controls.clear(hub, actor, session_id, track, runs))


@router.get("/tracks/{track}/restart-preview", operation_id="previewRestart", **guarded("viewer"))
def preview_restart(
    hub: CurrentHub, actor: CurrentActor, session_id: SessionId, track: TrackName
) -> RestartPreview:
    """Say what Restart would do."""
    return RestartPreview.model_validate(controls.restart_preview(hub, actor, session_id, track))


@router.get("/tracks/{track}/clear-preview", operation_id="previewClear", **guarded("viewer"))
async def preview_clear(
    hub: CurrentHub, disk: CurrentDisk, actor: CurrentActor, session_id: SessionId, track: TrackName
) -> ClearPreview:
    """Say what Clear would remove and keep."""
    found = await disk.run(lambda: controls.clear_preview(hub, actor, session_id, track))
    return ClearPreview.model_validate(found)


@router.get("/logs/{track}", operation_id="readLog", **guarded("viewer"))
async def read_log(
    hub: CurrentHub,
    disk: CurrentDisk,
    actor: CurrentActor,
    session_id: SessionId,
    track: TrackName,
    offset: Offset = None,
    before: Offset = None,
    limit: Annotated[int | None, Query(ge=1, le=logs.MOST_LINES)] = None,
    level: Annotated[str, Query(max_length=10, description="this or a higher one")] = "trace",
    search: Annotated[str, Query(max_length=200)] = "",
) -> LogPart:
    """Return lines of a track's log; without offset, the last ones."""
    part = await disk.run(
        lambda: logs.read_log(
            hub,
            actor,
            session_id,
            track,
            offset=offset,
            before=before,
            limit=limit,
            level=level,
            search=search,
        )
    )
    lines = [LogLine.model_validate(line) for line in part.lines]
    return LogPart(lines=lines, start=part.start, end=part.end, size=part.size)


@router.get(
    "/logs/{track}/download",
    operation_id="downloadLog",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {}}}},
    **guarded("viewer"),
)
def download_log(
    hub: CurrentHub, actor: CurrentActor, session_id: SessionId, track: TrackName
) -> StreamingResponse:
    """Return the whole log, one JSON object a line."""
    paths = logs.log_paths(hub, actor, session_id, track)

    def content() -> Any:
        for path in paths:
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    yield block

    headers = {"Content-Disposition": f'attachment; filename="S{session_id}-{track}.jsonl"'}
    return StreamingResponse(content(), media_type="application/x-ndjson", headers=headers)


def _all(result: dict[str, Any]) -> list[TrackOrError]:
    return [TrackOrError.model_validate(state) for state in result.values()]
