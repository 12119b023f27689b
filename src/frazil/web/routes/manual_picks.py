"""Particles that a person adds or removes on one micrograph."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from frazil.app import manual_picks
from frazil.model.manual_picks import MOST_POINTS, Coordinate
from frazil.web.asked import Asked
from frazil.web.gates import CurrentActor, CurrentDisk, CurrentHub, MovieName, SessionId, guarded

router = APIRouter(prefix="/sessions/{session_id}/movies/{name}/picks/manual", tags=["movies"])

Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]
"""(x, y); a list of two, as OpenAPI has no word for pairs that all programs know."""
CandidateId = Annotated[int, Field(ge=0, le=10**6)]


class ManualChange(Asked):
    """All that is changed by hand; it replaces what was changed before."""

    added: list[Point] = Field(
        default_factory=list, max_length=MOST_POINTS, description="(x, y) in Å from the first pixel"
    )
    removed: list[CandidateId] = Field(
        default_factory=list,
        max_length=MOST_POINTS,
        description="places in the list of candidates, counted from 0",
    )
    version: str | None = Field(
        default=None, max_length=64, description="as it was read: refused where it was picked again since"
    )


class ManualPicks(BaseModel):
    """What was changed by hand."""

    added: list[Point] = Field(description="(x, y) in Å from the first pixel")
    removed: list[int] = Field(description="places in the list of candidates as it is now")
    removed_at: list[Point] = Field(description="where they were, Å")
    saved_at: float | None
    saved_by: str
    pending: bool = Field(description="the particles are not as this says yet")
    version: str = Field(description="of the candidates")


@router.get("", operation_id="showManualPicks", **guarded("viewer"))
async def show_manual_picks(
    hub: CurrentHub, disk: CurrentDisk, actor: CurrentActor, session_id: SessionId, name: MovieName
) -> ManualPicks:
    """Return what was changed by hand about the particles of a micrograph."""
    found = await disk.run(lambda: manual_picks.show_manual_picks(hub, actor, session_id, name))
    return _answer(found)


@router.put("", operation_id="saveManualPicks", **guarded("operator"))
async def save_manual_picks(
    hub: CurrentHub,
    disk: CurrentDisk,
    actor: CurrentActor,
    session_id: SessionId,
    name: MovieName,
    body: ManualChange,
) -> ManualPicks:
    """Add and remove particles by hand; the micrograph is picked and extracted again."""
    saved = await disk.run(
        lambda: manual_picks.save_manual_picks(
            hub, actor, session_id, name, [(x, y) for x, y in body.added], body.removed, body.version
        )
    )
    return _answer(saved)


def _answer(found: dict[str, Any]) -> ManualPicks:
    places = {name: [list(point) for point in found[name]] for name in ("added", "removed_at")}
    return ManualPicks.model_validate({**found, **places})
