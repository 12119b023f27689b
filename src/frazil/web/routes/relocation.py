"""Archive a session, and copy or move it to another folder."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from frazil.app import relocation
from frazil.web.asked import Asked
from frazil.web.gates import CurrentActor, CurrentDisk, CurrentHub, SessionId, guarded
from frazil.web.routes.sessions import Session

router = APIRouter(prefix="/sessions/{session_id}", tags=["sessions"])


class RelocationTarget(Asked):
    """Where to."""

    folder: str = Field(min_length=1, max_length=4096, description="absolute, on the server; new or empty")


class AskedRelocation(RelocationTarget):
    """What is asked about."""

    mode: Literal["copy", "move"] = "copy"


class NewRelocation(RelocationTarget):
    """What is wanted."""

    mode: Literal["copy", "move"]
    archive: bool = Field(default=False, description="the session stays read-only afterwards")


class RelocationPreview(BaseModel):
    """What copying or moving a session would take."""

    target: str
    files: int
    links: int = Field(description="symbolic ones, which stay links")
    bytes: int
    free_bytes: int | None = Field(description="on the target's disk; none where it was not looked at")
    renames: bool = Field(description="it moves within one file system: its folder gets another name")
    problems: list[str] = Field(description="why it can't be done; empty: it can")


class Relocation(BaseModel):
    """How a session gets to another folder, or got there last."""

    state: Literal["none", "copying", "removing", "done", "failed", "cancelled"] = Field(
        description="none: never asked for; removing: the copy is whole and in use, the original goes"
    )
    mode: Literal["copy", "move"] | None = None
    source: str = ""
    target: str = ""
    created_at: float | None = None
    created_by: str = ""
    ended_at: float | None = None
    reason: str = Field(default="", description="why it failed, or what stayed behind")
    result: dict[str, int] = Field(default={}, description="files, links, bytes, copied, left")
    files: int | None = Field(default=None, description="that have arrived, while it is copied")
    bytes: int | None = None
    of_files: int | None = None
    of_bytes: int | None = None


@router.post("/archive", operation_id="archiveSession", **guarded("owner"))
def archive_session(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> Session:
    """Make a session read-only."""
    return Session.model_validate(relocation.archive(hub, actor, session_id))


@router.post("/unarchive", operation_id="unarchiveSession", **guarded("owner"))
def unarchive_session(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> Session:
    """Let an archived session be worked with again; its tracks stay stopped."""
    return Session.model_validate(relocation.unarchive(hub, actor, session_id))


@router.post("/relocation/preview", operation_id="previewRelocation", **guarded("owner"))
async def preview_relocation(
    hub: CurrentHub, disk: CurrentDisk, actor: CurrentActor, session_id: SessionId, body: AskedRelocation
) -> RelocationPreview:
    """Say what copying or moving it there would take, and why it can't be done."""
    found = await disk.run(
        lambda: relocation.preview_relocation(hub, actor, session_id, body.folder, body.mode)
    )
    return RelocationPreview.model_validate(found)


@router.post("/relocation", operation_id="startRelocation", status_code=202, **guarded("owner"))
async def start_relocation(
    hub: CurrentHub, disk: CurrentDisk, actor: CurrentActor, session_id: SessionId, body: NewRelocation
) -> Relocation:
    """Copy or move the session; every file is verified. The same again after a failure goes on."""
    started = await disk.run(
        lambda: relocation.start_relocation(
            hub, actor, session_id, body.folder, body.mode, archive=body.archive
        )
    )
    return Relocation.model_validate(started)


@router.get("/relocation", operation_id="showRelocation", **guarded("viewer"))
def show_relocation(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> Relocation:
    """Say how far it is, or how it went last."""
    return Relocation.model_validate(relocation.show_relocation(hub, actor, session_id))


@router.post("/relocation/cancel", operation_id="cancelRelocation", **guarded("owner"))
def cancel_relocation(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> Relocation:
    """Give it up while it is copied; the session is as before."""
    return Relocation.model_validate(relocation.cancel_relocation(hub, actor, session_id))
