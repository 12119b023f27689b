"""What a person decides about movies."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from frazil.app import movie_actions, movie_table, source_choice
from frazil.app.source_choice import Choice  # noqa: TC001 - pydantic reads annotations
from frazil.web.asked import Asked
from frazil.web.gates import CurrentActor, CurrentHub, MovieName, SessionId, guarded
from frazil.web.routes.movies import Movie, movie_answer

router = APIRouter(prefix="/sessions/{session_id}/movies", tags=["movies"])


class Override(Asked):
    """Whether a movie is kept, whatever filters say."""

    override: Literal["auto", "include", "exclude"]


class SourceChoice(Asked):
    """What becomes of a movie whose source changed after it was delivered."""

    action: Choice


class Retried(BaseModel):
    """How many movies are tried again."""

    movies: int


@router.post("/retry-failed", operation_id="retryFailed", **guarded("operator"))
def retry_failed(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> Retried:
    """Try all failed movies again."""
    return Retried.model_validate(movie_actions.retry_failed(hub, actor, session_id))


@router.patch("/{name}", operation_id="changeMovie", **guarded("operator"))
def change_movie(
    hub: CurrentHub, actor: CurrentActor, session_id: SessionId, name: MovieName, body: Override
) -> Movie:
    """Include or exclude a movie, or leave it to filters."""
    movie_actions.set_override(hub, actor, session_id, name, body.override)
    return movie_answer(movie_table.show_movie(hub, actor, session_id, name))


@router.post("/{name}/retry", operation_id="retryMovie", **guarded("operator"))
def retry_movie(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, name: MovieName) -> Movie:
    """Try a failed movie again, before all others."""
    movie_actions.retry(hub, actor, session_id, name)
    return movie_answer(movie_table.show_movie(hub, actor, session_id, name))


@router.post("/{name}/ignore", operation_id="ignoreMovie", **guarded("operator"))
def ignore_movie(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, name: MovieName) -> Movie:
    """Take a failed movie off the list of failures."""
    movie_actions.ignore(hub, actor, session_id, name)
    return movie_answer(movie_table.show_movie(hub, actor, session_id, name))


@router.post("/{name}/source", operation_id="chooseSource", status_code=202, **guarded("operator"))
def choose_source(
    hub: CurrentHub, actor: CurrentActor, session_id: SessionId, name: MovieName, body: SourceChoice
) -> None:
    """Take the new version of a source that changed after delivery, or keep the old one."""
    source_choice.choose_source(hub, actor, session_id, name, body.action)
