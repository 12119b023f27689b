"""Selections of classes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from frazil.app import class_selections
from frazil.web.asked import Asked
from frazil.web.gates import CurrentActor, CurrentHub, SessionId, guarded

router = APIRouter(prefix="/sessions/{session_id}/classify2d/selections", tags=["2D classes"])

Name = Annotated[str, Path(min_length=1, max_length=100, description="name of the selection")]


class Selection(BaseModel):
    """Classes of one entry of the history that a person chose."""

    name: str
    update_number: int
    classes: list[int]
    particles: int = Field(description="of these classes in that entry")
    saved_at: float
    saved_by: str


class Chosen(Asked):
    """Classes by their numbers."""

    update_number: int = Field(ge=1, le=2**31 - 1)
    classes: list[int] = Field(max_length=10_000)


@router.get("", operation_id="listSelections", **guarded("viewer"))
def list_selections(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> list[Selection]:
    """All selections by name."""
    return [Selection.model_validate(row) for row in class_selections.list_selections(hub, actor, session_id)]


@router.put("/{name}", operation_id="saveSelection", status_code=204, **guarded("operator"))
def save_selection(
    hub: CurrentHub, actor: CurrentActor, session_id: SessionId, name: Name, body: Chosen
) -> None:
    """Save a selection, in place of one that had this name."""
    class_selections.save_selection(hub, actor, session_id, name, body.update_number, body.classes)


@router.delete("/{name}", operation_id="removeSelection", status_code=204, **guarded("operator"))
def remove_selection(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, name: Name) -> None:
    """Delete a selection."""
    class_selections.remove_selection(hub, actor, session_id, name)
