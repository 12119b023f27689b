"""Members of a class: examples, and where they come from."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Response
from pydantic import BaseModel, Field

from frazil.app import class_members
from frazil.web.gates import CurrentActor, CurrentDisk, CurrentHub, RowId, SessionId, guarded
from frazil.web.versions import VersionQuery, versioned

router = APIRouter(
    prefix="/sessions/{session_id}/classify2d/updates/{number}/classes/{class_id}", tags=["2D classes"]
)

ClassId = Annotated[int, Path(ge=1, le=100_000)]


class SquareCount(BaseModel):
    """Members from one grid square."""

    grid_square: str
    particles: int


class DefocusCount(BaseModel):
    """Members with a defocus in a range."""

    low_a: float
    high_a: float
    particles: int


class TimeCount(BaseModel):
    """Members whose movies were taken in a span of time."""

    begin: float
    end: float
    particles: int


class ClassMembers(BaseModel):
    """Where the members of a class come from; empty where an older version wrote the entry."""

    particles: int
    micrographs: int
    examples: int = Field(description="images in members.jpg, in rows of eight")
    squares: list[SquareCount] = Field(description="those with most members first")
    defocus: list[DefocusCount]
    times: list[TimeCount]


@router.get("/members", operation_id="showClassMembers", **guarded("viewer"))
async def show_members(
    hub: CurrentHub,
    disk: CurrentDisk,
    actor: CurrentActor,
    session_id: SessionId,
    number: RowId,
    class_id: ClassId,
) -> ClassMembers:
    """Tell which squares, defocus and times the members of a class come from."""
    found = await disk.run(lambda: class_members.class_members(hub, actor, session_id, number, class_id))
    return ClassMembers.model_validate(found)


@router.get(
    "/members.jpg",
    operation_id="classMembersPicture",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, 304: {"description": "the asker has it"}},
    **guarded("viewer"),
)
async def members_picture(
    hub: CurrentHub,
    disk: CurrentDisk,
    actor: CurrentActor,
    session_id: SessionId,
    number: RowId,
    class_id: ClassId,
    v: VersionQuery = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return images of some members, chosen by chance, turned and shifted onto the average."""
    return await disk.run(
        lambda: versioned(
            lambda known: class_members.members_sheet(hub, actor, session_id, number, class_id, known),
            "image/jpeg",
            if_none_match,
            v,
        )
    )
