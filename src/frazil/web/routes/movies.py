"""Movies: table, one movie, plots, pictures and curves."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field

from frazil.app import movie_table, pictures
from frazil.app.pictures import PictureKind  # noqa: TC001 - FastAPI reads annotations
from frazil.model.movie_columns import MOVIE_COLUMNS
from frazil.web.gates import CurrentActor, CurrentDisk, CurrentHub, MovieName, SessionId, guarded
from frazil.web.rows import MovieRow, fast_json
from frazil.web.versions import VersionQuery, versioned

router = APIRouter(tags=["movies"])
SESSION = "/sessions/{session_id}"

Names = Annotated[
    str, Query(max_length=2000, pattern=r"^[a-z0-9_,]*$", description="names separated by commas")
]
States = Annotated[str, Query(max_length=200, pattern=r"^[a-z,]*$", description="separated by commas")]
Where = Annotated[str, Query(max_length=6000, description="a filter that is not saved, as JSON")]
Rejected = Annotated[bool, Query(description="what the filter does not keep instead")]
FilterName = Annotated[str | None, Query(alias="filter", max_length=100, description="a saved filter")]


class MoviePage(BaseModel):
    """Part of the table."""

    rows: list[MovieRow]  # type: ignore[valid-type]
    cursor: str | None = Field(description="asks for the part behind it; none at the end")
    total: int = Field(description="movies that search, filter and states leave")


class Column(BaseModel):
    """A column of the table."""

    name: str
    kind: str = Field(description="text, integer, number or time")
    group: str
    label: str
    unit: str


class Movie(BaseModel):
    """One movie."""

    name: str
    number: int
    columns: MovieRow  # type: ignore[valid-type]
    target_revision: int = Field(description="settings it is to be processed with")
    next_try_at: float | None
    stages: dict[str, dict[str, Any]] = Field(description="what each stage did: state, seconds, reason, …")
    notes: list[str]
    numbers: dict[str, float | None] = Field(description="all results, also those without a column")


class Place(BaseModel):
    """Where a movie stands among others, in the order of their numbers."""

    place: int = Field(description="how many come before it")
    total: int
    kept: bool = Field(description="whether the filter leaves it")


class Profile(BaseModel):
    """Curves of the CTF fit, all of one length."""

    frequency_per_a: list[float | None]
    spectrum: list[float | None]
    fit: list[float | None]
    agreement: list[float | None]


class LocalMotion(BaseModel):
    """Motion at one place relative to that of the whole field, by frame."""

    x_px: float
    y_px: float
    x_a: list[float | None]
    y_a: list[float | None]


class Motion(BaseModel):
    """How the specimen moved, by frame, relative to the first one used."""

    width_px: int
    height_px: int
    pixel_size_a: float
    global_x_a: list[float | None]
    global_y_a: list[float | None]
    points: list[LocalMotion]


class Picks(BaseModel):
    """All candidates, best first; those of at least the threshold are the picks, unless a person decided.

    Pixels are those of the micrograph, whose size is none where it is not there any more.
    """

    width_px: int | None
    height_px: int | None
    pixel_size_a: float | None

    x_px: list[float | None]
    y_px: list[float | None]
    score: list[float | None]
    by_hand: list[int] = Field(description="1: a person added it, behind all that were found; -1: removed it")
    threshold: float | None
    diameter_a: float | None


@router.get("/movie-columns", operation_id="movieColumns", **guarded("anyone"))
def movie_columns() -> list[Column]:
    """Tell what is known of movies: names, units and labels of all columns."""
    return [
        Column(name=column.name, kind=column.kind, group=column.group, label=column.label, unit=column.unit)
        for column in MOVIE_COLUMNS
    ]


@router.get(SESSION + "/movies", operation_id="listMovies", response_model=MoviePage, **guarded("viewer"))
def list_movies(
    hub: CurrentHub,
    actor: CurrentActor,
    session_id: SessionId,
    columns: Names = "",
    sort: Annotated[str, Query(max_length=50)] = "number",
    descending: bool = True,
    limit: Annotated[int, Query(ge=1, le=movie_table.MOST_ROWS)] = 200,
    cursor: Annotated[
        str | None, Query(max_length=50, description="of the part before, or how many rows to leave out")
    ] = None,
    search: Annotated[str, Query(max_length=200)] = "",
    filter_name: FilterName = None,
    state: States = "",
    where: Where = "",
    rejected: Rejected = False,
) -> Response:
    """Return part of the table of movies."""
    page = movie_table.list_movies(
        hub,
        actor,
        session_id,
        columns=_split(columns),
        sort=sort,
        descending=descending,
        limit=limit,
        cursor=cursor,
        search=search,
        filter_name=filter_name,
        states=_split(state),
        where=where,
        rejected=rejected,
    )
    return fast_json({"rows": page.rows, "cursor": page.cursor, "total": page.total})


@router.get(
    SESSION + "/series",
    operation_id="movieSeries",
    response_model=dict[str, list[str | float | None]],
    **guarded("viewer"),
)
def movie_series(
    hub: CurrentHub,
    actor: CurrentActor,
    session_id: SessionId,
    columns: Names,
    filter_name: FilterName = None,
    state: States = "",
) -> Response:
    """Whole columns by number of movie, for plots."""
    wanted = _split(columns)
    return fast_json(
        movie_table.series(hub, actor, session_id, wanted, filter_name=filter_name, states=_split(state))
    )


@router.get(SESSION + "/movies/{name}", operation_id="showMovie", **guarded("viewer"))
def show_movie(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, name: MovieName) -> Movie:
    """One movie: its columns, and what each stage did."""
    return movie_answer(movie_table.show_movie(hub, actor, session_id, name))


@router.get(SESSION + "/movies/{name}/place", operation_id="moviePlace", **guarded("viewer"))
def movie_place(
    hub: CurrentHub,
    actor: CurrentActor,
    session_id: SessionId,
    name: MovieName,
    where: Where = "",
    rejected: Rejected = False,
) -> Place:
    """Where a movie stands among those that a filter leaves."""
    return Place.model_validate(
        movie_table.place(hub, actor, session_id, name, where=where, rejected=rejected)
    )


@router.get(
    SESSION + "/pictures/{name}/{kind}.jpg",
    operation_id="moviePicture",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, 304: {"description": "the asker has it"}},
    **guarded("viewer"),
)
async def movie_picture(
    hub: CurrentHub,
    disk: CurrentDisk,
    actor: CurrentActor,
    session_id: SessionId,
    name: MovieName,
    kind: PictureKind,
    v: VersionQuery = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return a picture of a movie."""
    return await disk.run(
        lambda: versioned(
            lambda known: pictures.picture(hub, actor, session_id, name, kind, known),
            "image/jpeg",
            if_none_match,
            v,
        )
    )


@router.get(SESSION + "/movies/{name}/profile", operation_id="movieProfile", **guarded("viewer"))
async def movie_profile(
    hub: CurrentHub, disk: CurrentDisk, actor: CurrentActor, session_id: SessionId, name: MovieName
) -> Profile:
    """Curves of the CTF fit."""
    return Profile.model_validate(await disk.run(lambda: pictures.profile(hub, actor, session_id, name)))


@router.get(SESSION + "/movies/{name}/motion", operation_id="movieMotion", **guarded("viewer"))
async def movie_motion(
    hub: CurrentHub, disk: CurrentDisk, actor: CurrentActor, session_id: SessionId, name: MovieName
) -> Motion:
    """How the specimen moved."""
    return Motion.model_validate(await disk.run(lambda: pictures.motion(hub, actor, session_id, name)))


@router.get(SESSION + "/movies/{name}/picks", operation_id="moviePicks", **guarded("viewer"))
async def movie_picks(
    hub: CurrentHub, disk: CurrentDisk, actor: CurrentActor, session_id: SessionId, name: MovieName
) -> Picks:
    """All candidates for particles."""
    return Picks.model_validate(await disk.run(lambda: pictures.picks(hub, actor, session_id, name)))


def movie_answer(shown: dict[str, Any]) -> Movie:
    """Return a movie as the API gives it."""
    return Movie(
        name=shown["name"],
        number=shown["number"],
        columns=MovieRow.model_validate(shown),
        target_revision=shown["target_revision"],
        next_try_at=shown["next_try_at"],
        stages=shown["stages"],
        notes=shown["notes"],
        numbers=shown["numbers"],
    )


def _split(words: str) -> list[str]:
    return [word for word in words.split(",") if word]
