"""What an export would hold: decided in one look at the catalogue, and told before it is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from frazil import __version__
from frazil.app.errors import NotFoundError
from frazil.model.errors import InputError
from frazil.model.movie_columns import MOVIE_COLUMNS
from frazil.model.movie_filter import MovieFilter
from frazil.model.words import plural
from frazil.stages.export.request import ChosenClasses, ExportMovie, Snapshot, without_secrets
from frazil.store.catalogue import class_overrides, class_selections, class_updates, filters, revisions
from frazil.store.catalogue.schema import movies

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from frazil.stages.export.request import ExportRequest
    from frazil.store.catalogue.sessions import SessionRow


@dataclass
class Choice:
    """What a request chooses.

    Attributes
    ----------
    movies
        All that were kept.
    classes
        Entry of the class history, and which classes of it.
    problems
        Why nothing can be exported; empty where it can.
    notes
        What a person should know.
    """

    movies: list[ExportMovie]
    classes: ChosenClasses | None = None
    class_particles: int | None = None
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def particles(self) -> int:
        """Particles of the chosen micrographs, whatever their classes."""
        return sum(movie.row["particles"] or 0 for movie in self.movies)


def choose(connection: Connection, session: SessionRow, request: ExportRequest) -> Choice:
    """Find what a request chooses at this moment.

    Raises `NotFoundError` where filter or selection of that name don't exist.
    """
    content = request.where or MovieFilter()
    if request.filter_name is not None:
        try:
            content = filters.get(connection, session.id, request.filter_name)
        except InputError as error:
            raise NotFoundError(str(error)) from None
    names = [movies.c[column.name] for column in MOVIE_COLUMNS]
    query = (
        select(movies.c.number, movies.c.raw_path, *names)
        .where(movies.c.session_id == session.id, filters.kept(content))
        .order_by(movies.c.number)
    )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    kept = [row for row in rows if row["state"] != "processing"]
    choice = Choice([_movie(row) for row in kept])
    if len(kept) < len(rows):
        busy = len(rows) - len(kept)
        one, many = "micrograph is being processed now and is", "micrographs are being processed now and are"
        choice.notes.append(f"{plural(busy, one, many)} left out")
    _choose_classes(connection, session.id, request, choice)
    _find_problems(session, request, choice)
    return choice


def make_snapshot(
    connection: Connection,
    session: SessionRow,
    request: ExportRequest,
    choice: Choice,
    *,
    name: str,
    created_at: float,
    created_by: str,
) -> Snapshot:
    """Write down all that the export needs of the catalogue."""
    saved = revisions.listed(connection, session.id)
    return Snapshot(
        session=session.name,
        session_number=session.id,
        folder=session.folder,
        name=name,
        created_at=created_at,
        created_by=created_by,
        software=f"Frazil {__version__}",
        request=request,
        settings={row.revision: without_secrets(row.values) for row in saved},
        newest=saved[-1].revision,
        movies=choice.movies,
        classes=choice.classes,
        notes=choice.notes,
    )


def _movie(row: dict[str, Any]) -> ExportMovie:
    number, raw = row.pop("number"), row.pop("raw_path")
    return ExportMovie(number=number, name=row["name"], raw_path=raw, row=row)


def _choose_classes(connection: Connection, session_id: int, request: ExportRequest, choice: Choice) -> None:
    number, picked = None, None
    if request.classes == "selection":
        saved = {row["name"]: row for row in class_selections.listed(connection, session_id)}
        if request.selection not in saved:
            raise NotFoundError(f"S{session_id} has no selection of classes called {request.selection}")
        number, picked = saved[request.selection]["update_number"], saved[request.selection]["classes"]
    try:
        entry = class_updates.get(connection, session_id, number)
    except InputError as error:
        if request.classes != "all":
            choice.problems.append(f"{error}; export all particles, or wait")
        return
    summary = entry["summary"]["classes"]
    kept = class_overrides.kept_classes(connection, session_id, entry["run"], summary)
    good = sorted(picked if picked is not None else kept)
    chosen = None if request.classes == "all" else good
    choice.classes = ChosenClasses(
        number=entry["number"],
        folder=entry["folder"],
        finished_at=entry["finished_at"],
        classes=chosen,
        good=good,
    )
    if chosen is not None:
        choice.class_particles = sum(item["particles"] for item in summary if item["class_id"] in chosen)
        if not choice.class_particles:
            choice.problems.append("the chosen classes have no particles: choose others")


def _find_problems(session: SessionRow, request: ExportRequest, choice: Choice) -> None:
    contents = set(request.contents)
    if session.kind == "warp" and not contents <= {"particles", "classes"}:
        choice.problems.append(
            "movies, micrographs and picks are Warp's own: choose particles and classes, "
            "and import the others from Warp's folder"
        )
    elif session.kind == "warp" and request.files == "link":
        choice.notes.append("particles are links to Warp's stacks, which Warp may replace; copies stay")
    if not choice.movies:
        choice.problems.append("no micrograph is kept: widen the filter")
        return
    if request.files == "none" and len(session.folder.split()) > 1:
        choice.problems.append(
            f"{session.folder}: tables can't name files in a folder with blanks; choose link or copy"
        )
    if request.extracts_anew:
        choice.problems += _extraction_problems(request)
        if request.recenter and choice.classes is None:
            choice.notes.append("there are no classes yet: boxes stay around the picks")
    if not choice.particles and contents & {"particles", "classes"}:
        if contents <= {"particles", "classes"} or request.format == "cistem":
            choice.problems.append("the chosen micrographs have no particles (yet)")
        else:
            choice.notes.append("the chosen micrographs have no particles (yet)")
    if contents == {"classes"} and choice.classes is None and not choice.problems:
        choice.problems.append("there are no class averages yet")
    elif "classes" in contents and choice.classes is None and request.classes == "all":
        choice.notes.append("there are no class averages yet: none are exported")


def _extraction_problems(request: ExportRequest) -> list[str]:
    if "particles" not in request.contents or request.format == "csv":
        return ["new boxes need particle images: choose particles, and a format other than CSV"]
    if request.files == "none" and request.format != "cistem":
        return ["particles that are cut out anew are new files: choose link or copy"]
    return []
