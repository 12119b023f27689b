"""Buttons of scheduled 2D classification."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from frazil.app import class_jobs
from frazil.web.asked import Asked, Values
from frazil.web.gates import CurrentActor, CurrentHub, SessionId, guarded
from frazil.web.routes.tracks import Stop, Track

router = APIRouter(prefix="/sessions/{session_id}/classify2d", tags=["2D classes"])


class Staged(Asked):
    """Settings that somebody has staged, sent with the button."""

    values: Values = Field(default_factory=dict, max_length=300)
    base_revision: int = Field(ge=0, le=2**31 - 1, description="the revision that the person saw")


class Job(BaseModel):
    """The job that runs."""

    mode: str
    cycles_done: int
    cycles: int


class Jobs(BaseModel):
    """How scheduled classification stands."""

    mode: str = Field(description="as set: streaming, abinit, seeded or refine")
    state: Literal["stopped", "listening", "running", "stopping"]
    job: Job | None
    cycle: int = Field(description="of the session")
    last_particles: int | None
    error: str = Field(description="of the last job; else empty")
    run: int | None


@router.get("/jobs", operation_id="showJobs", **guarded("viewer"))
def show_jobs(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> Jobs:
    """How scheduled classification stands."""
    return Jobs.model_validate(class_jobs.show_jobs(hub, actor, session_id))


@router.post("/start-job", operation_id="startJob", **guarded("operator"))
def start_job(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, body: Staged) -> Track:
    """Save the staged settings and begin a job at once."""
    started = class_jobs.start_job(hub, actor, session_id, body.values, body.base_revision)
    return Track.model_validate(started)


@router.post("/start-automatic", operation_id="startAutomatic", **guarded("operator"))
def start_automatic(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, body: Staged) -> Track:
    """Save the staged settings and begin jobs whenever there are enough new particles."""
    started = class_jobs.start_automatic(hub, actor, session_id, body.values, body.base_revision)
    return Track.model_validate(started)


@router.post("/stop", operation_id="stopJobs", **guarded("operator"))
def stop_jobs(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, body: Stop | None = None) -> Track:
    """Stop after the present cycle, or now."""
    return Track.model_validate(
        class_jobs.stop_jobs(hub, actor, session_id, now=body is not None and body.now)
    )


@router.post("/keep", operation_id="keepUpdate", **guarded("operator"))
def keep_update(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> Track:
    """Write an entry of the history of streaming classification now; it follows the present batch."""
    return Track.model_validate(class_jobs.keep_update(hub, actor, session_id))
