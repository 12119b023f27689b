"""Exports of a session: what they would hold, making them, what came out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from frazil.app import export_files, exports, live_export
from frazil.stages.export.request import ExportRequest  # noqa: TC001 - pydantic reads annotations
from frazil.web.asked import Asked
from frazil.web.gates import CurrentActor, CurrentDisk, CurrentHub, MovieName, RowId, SessionId, guarded
from frazil.web.versions import VersionQuery, versioned

router = APIRouter(prefix="/sessions/{session_id}/exports", tags=["exports"])


class ExportPreview(BaseModel):
    """What an export would hold."""

    micrographs: int
    particles: int = Field(description="of these micrographs, in all classes")
    class_update: int | None = Field(description="entry of the class history that goes along")
    classes: list[int] | None = Field(description="whose particles are chosen; none: all particles")
    class_particles: int | None = Field(description="in these classes, of all micrographs")
    problems: list[str] = Field(description="why it can't be made; empty: it can")
    notes: list[str]


class Export(BaseModel):
    """An export job."""

    number: int
    name: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    request: ExportRequest
    created_at: float
    created_by: str
    started_at: float | None
    ended_at: float | None
    reason: str
    result: dict[str, Any] = Field(
        description="counts, files, bytes, notes, overlays; empty until it is done"
    )
    path: str = Field(description="where it is, or will be, on the server")
    fraction: float | None = Field(description="of the work that is done, while it is made")
    doing: str


class LiveExport(BaseModel):
    """Tables for RELION that are kept current."""

    enabled: bool
    request: ExportRequest = Field(description="filter and classes of the selected set")
    written_at: float | None
    reason: str = Field(description="why they could not be written last; else empty")
    result: dict[str, Any] = Field(description="counts by set, notes, seconds")
    folder: str = Field(description="holds live_all and live_selected; paths are relative to the session")


class LiveWish(Asked):
    """Whether tables are kept current, and of what."""

    enabled: bool
    request: ExportRequest


class NewExport(Asked):
    """What is wanted, and what it shall be called."""

    name: str | None = Field(default=None, max_length=80, description="of the folder; none: one is found")
    request: ExportRequest


@router.get("", operation_id="listExports", **guarded("viewer"))
def list_exports(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> list[Export]:
    """All exports, newest first."""
    return [Export.model_validate(row) for row in exports.list_exports(hub, actor, session_id)]


@router.post("/preview", operation_id="previewExport", **guarded("viewer"))
def preview_export(
    hub: CurrentHub, actor: CurrentActor, session_id: SessionId, body: ExportRequest
) -> ExportPreview:
    """Say what an export would hold, and why it can't be made."""
    return ExportPreview.model_validate(exports.preview_export(hub, actor, session_id, body))


@router.post("", operation_id="startExport", status_code=201, **guarded("operator"))
def start_export(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, body: NewExport) -> Export:
    """Make an export of the session as it is now."""
    return Export.model_validate(exports.start_export(hub, actor, session_id, body.request, body.name))


@router.get("/live", operation_id="showLiveExport", **guarded("viewer"))
def show_live_export(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> LiveExport:
    """Return how the tables stand that are kept current while the session goes on."""
    return LiveExport.model_validate(live_export.show_live_export(hub, actor, session_id))


@router.put("/live", operation_id="setLiveExport", **guarded("operator"))
def set_live_export(
    hub: CurrentHub, actor: CurrentActor, session_id: SessionId, body: LiveWish
) -> LiveExport:
    """Switch it on or off, and say which micrographs and classes are selected."""
    return LiveExport.model_validate(
        live_export.set_live_export(hub, actor, session_id, enabled=body.enabled, request=body.request)
    )


@router.get("/{number}", operation_id="showExport", **guarded("viewer"))
def show_export(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, number: RowId) -> Export:
    """Return one export."""
    return Export.model_validate(exports.show_export(hub, actor, session_id, number))


@router.post("/{number}/cancel", operation_id="cancelExport", status_code=204, **guarded("operator"))
def cancel_export(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, number: RowId) -> None:
    """Give an export up; what it made so far is removed."""
    exports.cancel_export(hub, actor, session_id, number)


@router.post("/{number}/retry", operation_id="retryExport", **guarded("operator"))
def retry_export(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, number: RowId) -> Export:
    """Try a failed export again, of the same state of the session."""
    return Export.model_validate(exports.retry_export(hub, actor, session_id, number))


@router.delete("/{number}", operation_id="removeExport", status_code=204, **guarded("operator"))
def remove_export(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, number: RowId) -> None:
    """Delete an export and its folder, never what it links to."""
    exports.delete_export(hub, actor, session_id, number)


@router.get(
    "/{number}/log",
    operation_id="showExportLog",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
    **guarded("viewer"),
)
async def show_log(
    hub: CurrentHub, disk: CurrentDisk, actor: CurrentActor, session_id: SessionId, number: RowId
) -> Response:
    """Return the log of an export."""
    text = await disk.run(lambda: export_files.export_log(hub, actor, session_id, number))
    return Response(text, media_type="text/plain")


@router.get(
    "/{number}/overlay/{name}.jpg",
    operation_id="showExportOverlay",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, 304: {"description": "not changed"}},
    **guarded("viewer"),
)
async def show_overlay(
    hub: CurrentHub,
    disk: CurrentDisk,
    actor: CurrentActor,
    session_id: SessionId,
    number: RowId,
    name: MovieName,
    if_none_match: Annotated[str | None, Header()] = None,
    v: VersionQuery = None,
) -> Response:
    """Return the picture of exported coordinates on a micrograph."""
    return await disk.run(
        lambda: versioned(
            lambda known: export_files.export_overlay(hub, actor, session_id, number, name, known),
            "image/jpeg",
            if_none_match,
            v,
        )
    )


@router.get(
    "/{number}/download",
    operation_id="downloadExport",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-tar": {}}}},
    **guarded("viewer"),
)
def download(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, number: RowId) -> StreamingResponse:
    """Return the whole export as a tar file; movies stay links."""
    name, content = export_files.export_tar(hub, actor, session_id, number)
    headers = {"Content-Disposition": f'attachment; filename="S{session_id}-{name}.tar"'}
    return StreamingResponse(content, media_type="application/x-tar", headers=headers)
