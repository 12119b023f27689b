"""2D classes: the history of class averages."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from frazil.app import class_choices, class_history
from frazil.web.asked import Asked
from frazil.web.gates import CurrentActor, CurrentDisk, CurrentHub, RowId, SessionId, guarded
from frazil.web.versions import VersionQuery, versioned

router = APIRouter(prefix="/sessions/{session_id}/classify2d/updates", tags=["2D classes"])

ClassId = Annotated[int, Path(ge=1, le=100_000)]
_PICTURES: dict[int | str, dict[str, str]] = {304: {"description": "the asker has it"}}


class Update(BaseModel):
    """An entry of the history."""

    number: int
    run: int
    update_in_run: int
    kind: str = Field(description="streaming, random_seed, startup, refinement or batch")
    finished_at: float
    seconds: float
    particles: int
    class_count: int
    limit_a: float | None
    fraction: float | None
    settings_revision: int
    folder: str


class UpdateInHistory(Update):
    """An entry of the history with its points on the curves; null where nothing can be said."""

    classes_in_use: int | None = None
    median_resolution_a: float | None = Field(None, description="FRC 0.5, of the classes with members")
    mean_log_evidence: float | None = Field(None, description="of all particles, nats over pure noise")
    moved_share: float | None = Field(
        None, description="of the particles of the entry before, those in another class now"
    )
    mean_noise: float | None = Field(None, description="variance of a real component, mean of all rings")
    good_share: float | None = Field(None, description="of the particles, in classes kept automatically")
    contrast: str | None = Field(None, description="right, inverted or mixed")


class ClassInUpdate(BaseModel):
    """One class; what else is known of it comes along."""

    model_config = ConfigDict(extra="allow")

    class_id: int
    particles: int
    resolution_a: float | None = None
    resolution_143_a: float | None = None
    mean_defocus_a: float | None = None
    stable_id: int | None = Field(None, description="who the class is: never used again in its run")
    parents: list[int] = Field([], description="stable ids of the classes it was split off from")
    selected: bool = Field(False, description="kept by the threshold, the setting select_quality")
    choice: Literal["keep", "reject", "auto"] = Field("auto", description="by hand; holds as the class lives")
    kept: bool = Field(False, description="at last")


class Choices(Asked):
    """What a person decides about classes."""

    classes: dict[Annotated[int, Field(ge=1, le=100_000)], Literal["keep", "reject", "auto"]] = Field(
        max_length=10_000, description="by number in this entry; auto: as the threshold says"
    )


class Summary(BaseModel):
    """What an entry is about; what else is known of it comes along."""

    model_config = ConfigDict(extra="allow")

    pixel_size_a: float | None = None
    mask_radius_a: float | None = None
    unassigned: int = 0
    notes: list[str] = []
    classes: list[ClassInUpdate]


class WholeUpdate(Update):
    """An entry of the history with its classes."""

    summary: Summary


class ClassCount(BaseModel):
    """How many particles a class has."""

    class_id: int
    particles: int


class Assignments(BaseModel):
    """How the particles of an entry are spread over its classes."""

    number: int
    particles: int
    unassigned: int
    classes: list[ClassCount]


@router.get("", operation_id="listUpdates", **guarded("viewer"))
def list_updates(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> list[UpdateInHistory]:
    """All entries of the history, oldest first."""
    return [UpdateInHistory.model_validate(row) for row in class_history.list_updates(hub, actor, session_id)]


@router.get("/{number}", operation_id="showUpdate", **guarded("viewer"))
def show_update(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, number: RowId) -> WholeUpdate:
    """One entry with its classes."""
    return WholeUpdate.model_validate(class_history.show_update(hub, actor, session_id, number))


@router.put("/{number}/choices", operation_id="chooseClasses", **guarded("operator"))
def choose_classes(
    hub: CurrentHub, actor: CurrentActor, session_id: SessionId, number: RowId, body: Choices
) -> WholeUpdate:
    """Keep or reject classes by hand, in this entry and all others of its run."""
    return WholeUpdate.model_validate(class_choices.choose(hub, actor, session_id, number, body.classes))


@router.get("/{number}/assignments", operation_id="showAssignments", **guarded("viewer"))
def show_assignments(
    hub: CurrentHub, actor: CurrentActor, session_id: SessionId, number: RowId
) -> Assignments:
    """How many particles each class has."""
    return Assignments.model_validate(class_history.assignments(hub, actor, session_id, number))


@router.get(
    "/{number}/classes.jpg",
    operation_id="classSheet",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, **_PICTURES},
    **guarded("viewer"),
)
async def class_sheet(
    hub: CurrentHub,
    disk: CurrentDisk,
    actor: CurrentActor,
    session_id: SessionId,
    number: RowId,
    v: VersionQuery = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return the picture of all classes."""
    return await disk.run(
        lambda: versioned(
            lambda known: class_history.sheet(hub, actor, session_id, number, known),
            "image/jpeg",
            if_none_match,
            v,
        )
    )


@router.get(
    "/{number}/averages.jpg",
    operation_id="classAverages",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, **_PICTURES},
    **guarded("viewer"),
)
def class_averages(
    hub: CurrentHub,
    actor: CurrentActor,
    session_id: SessionId,
    number: RowId,
    v: VersionQuery = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return all averages in one picture, ten a row by number of the class, without captions."""
    return versioned(
        lambda known: class_history.averages_sheet(hub, actor, session_id, number, known),
        "image/jpeg",
        if_none_match,
        v,
    )


@router.get(
    "/{number}/classes/{class_id}.png",
    operation_id="classPicture",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}, **_PICTURES},
    **guarded("viewer"),
)
async def class_picture(
    hub: CurrentHub,
    disk: CurrentDisk,
    actor: CurrentActor,
    session_id: SessionId,
    number: RowId,
    class_id: ClassId,
    v: VersionQuery = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return the average of one class."""
    return await disk.run(
        lambda: versioned(
            lambda known: class_history.class_picture(hub, actor, session_id, number, class_id, known),
            "image/png",
            if_none_match,
            v,
        )
    )
