"""Optics groups of a session."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from frazil.app import optics_groups
from frazil.web.gates import CurrentActor, CurrentHub, SessionId, guarded

router = APIRouter(prefix="/sessions/{session_id}/optics-groups", tags=["movies"])


class OpticsGroup(BaseModel):
    """Exposures that were taken through the same part of the lenses."""

    number: int
    key: str = Field(description="what its exposures have in common")
    movies: int
    shifts: list[list[float]] = Field(
        description="beam shifts (x, y) of members that stand for all, in the microscope's unit"
    )


class OpticsGroups(BaseModel):
    """All optics groups, and exposures that have none yet."""

    groups: list[OpticsGroup]
    waiting: list[list[float]] = Field(description="beam shifts of exposures whose group can't be told yet")


@router.get("", operation_id="listOpticsGroups", **guarded("viewer"))
def list_optics_groups(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> OpticsGroups:
    """Optics groups that file transfer has told apart, with their beam shifts."""
    return OpticsGroups.model_validate(optics_groups.list_optics_groups(hub, actor, session_id))
