"""Sessions: list, make, change, copy, adopt, delete."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from frazil.app import adopt, deletion, sessions
from frazil.app.access import Role  # noqa: TC001 - pydantic reads annotations
from frazil.app.deletion import Wishes
from frazil.web.asked import Asked, Values
from frazil.web.gates import CurrentActor, CurrentDisk, CurrentHub, SessionId, guarded

router = APIRouter(prefix="/sessions", tags=["sessions"])

Life = Literal["new", "active", "archived", "deleting"]


class TrackState(BaseModel):
    """How a track stands."""

    wanted: bool = Field(description="should run, also after a restart of the server")
    state: str = Field(description="stopped, starting, running, paused, stopping or clearing")
    reason: str
    since: float


class LastMovie(BaseModel):
    """The movie that was done last."""

    name: str
    done_at: float | None


class LastClasses(BaseModel):
    """The newest class averages."""

    number: int
    run: int
    kind: str
    finished_at: float
    particles: int
    class_count: int


class Session(BaseModel):
    """A session."""

    id: int
    label: str = Field(description="S12")
    uuid: str
    name: str
    group: str
    group_id: int
    owner: str | None
    folder: str
    folder_problem: str = Field(description="why the folder is away, by the last look; else empty")
    kind: str
    life: Life
    created_at: float
    role: Role | None = Field(description="of the one who asks")
    settings_revision: int
    source_path: str | None
    tags: list[str]
    tracks: dict[str, TrackState | None]
    counts: dict[str, int] = Field(description="movies, particles, and movies by state")
    last_movie: LastMovie | None
    last_classes: LastClasses | None


class NewSession(Session):
    """A session just made."""

    warnings: list[str] = Field(description="what a person should know")


class Create(Asked):
    """Settings of a new session."""

    values: Values = Field(max_length=300, description="name, group, kind, folder, and any settings")


class Change(Asked):
    """What is to change; what is left out stays."""

    name: str | None = Field(None, max_length=100)
    group: str | None = Field(None, max_length=100)
    tags: list[str] | None = Field(None, max_length=100)


class Copy(Asked):
    """Where a copy goes."""

    name: str = Field(min_length=1, max_length=100)
    folder: str | None = Field(None, max_length=4096)
    group: str | None = Field(None, max_length=100)


class Adopt(Asked):
    """A folder of another server."""

    folder: str = Field(min_length=1, max_length=4096)
    group: str | None = Field(None, max_length=100)


class Delete(Asked):
    """What is to be deleted."""

    name: str = Field(max_length=100, description="the session's name, typed by a person")
    keep_raw: bool = False
    keep_exports: bool = False


class DeletedEntry(BaseModel):
    """Something that would go."""

    name: str
    files: int
    bytes: int
    links: int


class Bytes(BaseModel):
    """So many files of so many bytes."""

    files: int
    bytes: int


class DeletePreview(BaseModel):
    """What deleting would take away."""

    folder: str
    entries: list[DeletedEntry]
    others: list[str] = Field(description="somebody else's files, which stay")
    only_copies: Bytes = Field(description="movies that were moved here: there is no other copy")
    running: list[str] = Field(description="tracks that would be stopped")
    problem: str = Field(description="why the folder can't be looked at; else empty")


@router.get("", operation_id="listSessions", **guarded("anyone"))
def list_sessions(
    hub: CurrentHub,
    actor: CurrentActor,
    search: Annotated[str, Query(max_length=200, description="in number, name, folder and tags")] = "",
    group: Annotated[str | None, Query(max_length=100)] = None,
    life: Annotated[Life | None, Query(description="left out: all but archived ones")] = None,
) -> list[Session]:
    """Sessions that one may see, newest first."""
    views = sessions.listed(hub, actor, search=search, group=group, life=life)
    return [Session.model_validate(view) for view in views]


@router.post("", operation_id="createSession", status_code=201, **guarded("member"))
def create_session(hub: CurrentHub, actor: CurrentActor, body: Create) -> NewSession:
    """Make a session."""
    return NewSession.model_validate(sessions.create(hub, actor, body.values))


@router.post("/adopt", operation_id="adoptSession", status_code=201, **guarded("member"))
def adopt_session(hub: CurrentHub, actor: CurrentActor, body: Adopt) -> NewSession:
    """Take over the session folder of another server; nothing is processed anew."""
    return NewSession.model_validate(adopt.adopt(hub, actor, body.folder, body.group))


@router.get("/{session_id}", operation_id="showSession", **guarded("viewer"))
def show_session(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> Session:
    """One session."""
    return Session.model_validate(sessions.show(hub, actor, session_id))


@router.patch("/{session_id}", operation_id="changeSession", **guarded("operator"))
def change_session(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, body: Change) -> Session:
    """Change name, tags, or (owners) the group."""
    values = body.model_dump(exclude_none=True)
    return Session.model_validate(sessions.change(hub, actor, session_id, values))


@router.post("/{session_id}/copy", operation_id="copySession", status_code=201, **guarded("viewer"))
def copy_session(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, body: Copy) -> NewSession:
    """Make a session with the same settings and filters, without data."""
    made = sessions.copy(hub, actor, session_id, body.name, body.folder, body.group)
    return NewSession.model_validate(made)


@router.get("/{session_id}/delete-preview", operation_id="previewDelete", **guarded("owner"))
async def preview_delete(
    hub: CurrentHub, disk: CurrentDisk, actor: CurrentActor, session_id: SessionId
) -> DeletePreview:
    """Say what deleting would take away."""
    found = await disk.run(lambda: deletion.delete_preview(hub, actor, session_id))
    return DeletePreview.model_validate(found)


@router.delete("/{session_id}", operation_id="deleteSession", status_code=202, **guarded("owner"))
def delete_session(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, body: Delete) -> None:
    """Delete a session; its files go in the background."""
    deletion.delete(hub, actor, session_id, body.name, Wishes(body.keep_raw, body.keep_exports))
