"""Report of a session."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from frazil.app.report import make_report
from frazil.app.report_page import report_page
from frazil.web.gates import CurrentActor, CurrentDisk, CurrentHub, SessionId, guarded

router = APIRouter(prefix="/sessions/{session_id}", tags=["report"])


class ReportFacts(BaseModel):
    """What is known of a session, for programs; the page of the report says the same."""

    facts: dict[str, Any] = Field(description="microscope, settings, counts, statistics, classes, methods, …")


@router.get("/report", operation_id="showReport", **guarded("viewer"))
async def show_report(
    hub: CurrentHub, disk: CurrentDisk, actor: CurrentActor, session_id: SessionId
) -> ReportFacts:
    """Return the facts of the report."""
    report = await disk.run(lambda: make_report(hub, actor, session_id))
    return ReportFacts(facts=report.facts)


@router.get(
    "/report.html",
    operation_id="downloadReport",
    response_class=Response,
    responses={200: {"content": {"text/html": {}}}},
    **guarded("viewer"),
)
async def download_report(
    hub: CurrentHub, disk: CurrentDisk, actor: CurrentActor, session_id: SessionId
) -> Response:
    """Return the report as one page that needs nothing else, to be kept or printed."""
    page = await disk.run(lambda: report_page(make_report(hub, actor, session_id)))
    headers = {"Content-Disposition": f'attachment; filename="S{session_id}-report.html"'}
    return Response(page, media_type="text/html", headers=headers)


@router.get(
    "/report.pdf",
    operation_id="downloadReportPdf",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}}},
    **guarded("viewer"),
)
async def download_report_pdf(
    hub: CurrentHub, disk: CurrentDisk, actor: CurrentActor, session_id: SessionId
) -> Response:
    """Return the report as one page of PDF."""
    # Nobody but who asks for one waits for what draws it.
    from frazil.app.report_pdf import report_pdf

    content = await disk.run(lambda: report_pdf(make_report(hub, actor, session_id)))
    headers = {"Content-Disposition": f'attachment; filename="S{session_id}-report.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)
