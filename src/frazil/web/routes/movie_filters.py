"""Named filters of movies, and how many movies a filter keeps."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from frazil.app import movie_filters
from frazil.model.movie_filter import MovieFilter  # noqa: TC001 - pydantic reads annotations
from frazil.web.asked import Asked
from frazil.web.gates import CurrentActor, CurrentHub, SessionId, guarded
from frazil.web.routes.movies import FilterName, Where  # noqa: TC001 - FastAPI reads annotations

router = APIRouter(prefix="/sessions/{session_id}", tags=["filters"])

Name = Annotated[str, Path(min_length=1, max_length=100, description="name of the filter")]


class NamedFilter(BaseModel):
    """A filter that was saved."""

    name: str
    definition: MovieFilter
    saved_at: float
    saved_by: str
    kept: int = Field(description="movies that it keeps now")


class Kept(BaseModel):
    """How many movies a filter keeps."""

    kept: int
    total: int
    included: int = Field(description="by a person, whatever filters say")
    excluded: int = Field(description="by a person, whatever filters say")


class SavedFilter(Asked):
    """What a filter says."""

    definition: MovieFilter


class NewName(Asked):
    """Another name."""

    name: str = Field(min_length=1, max_length=100)


class Reset(BaseModel):
    """How many movies are left to the filters again."""

    movies: int


@router.get("/filters", operation_id="listFilters", **guarded("viewer"))
def list_filters(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> list[NamedFilter]:
    """All filters by name, each with the number of movies that it keeps."""
    return [NamedFilter.model_validate(row) for row in movie_filters.list_filters(hub, actor, session_id)]


@router.get("/kept", operation_id="countKept", **guarded("viewer"))
def count_kept(
    hub: CurrentHub,
    actor: CurrentActor,
    session_id: SessionId,
    where: Where = "",
    filter_name: FilterName = None,
) -> Kept:
    """How many movies a filter keeps, saved or not."""
    return Kept.model_validate(
        movie_filters.count_kept(hub, actor, session_id, where=where, filter_name=filter_name)
    )


@router.put("/filters/{name}", operation_id="saveFilter", status_code=204, **guarded("operator"))
def save_filter(
    hub: CurrentHub, actor: CurrentActor, session_id: SessionId, name: Name, body: SavedFilter
) -> None:
    """Save a filter, in place of one that had this name."""
    movie_filters.save_filter(hub, actor, session_id, name, body.definition)


@router.post("/filters/{name}/rename", operation_id="renameFilter", status_code=204, **guarded("operator"))
def rename_filter(
    hub: CurrentHub, actor: CurrentActor, session_id: SessionId, name: Name, body: NewName
) -> None:
    """Give a filter another name."""
    movie_filters.rename_filter(hub, actor, session_id, name, body.name)


@router.delete("/filters/{name}", operation_id="removeFilter", status_code=204, **guarded("operator"))
def remove_filter(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, name: Name) -> None:
    """Delete a filter."""
    movie_filters.remove_filter(hub, actor, session_id, name)


@router.post("/movies/reset-overrides", operation_id="resetOverrides", **guarded("operator"))
def reset_overrides(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> Reset:
    """Forget which movies were included and excluded by hand."""
    return Reset(movies=movie_filters.reset_overrides(hub, actor, session_id))
