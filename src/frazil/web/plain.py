"""The page's files; a plain page without JavaScript where it was not built; the list of the API."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi.responses import FileResponse, HTMLResponse
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from frazil.app import sessions
from frazil.app.credentials import identify
from frazil.app.errors import UnknownPersonError
from frazil.web.gates import credentials_of
from frazil.web.problems import problem

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

    from frazil.app.hub import Hub

STATIC = Path(__file__).with_name("static")
_STYLE = "/plain.css"
_CSS = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color-scheme: light dark; }
table { border-collapse: collapse; }
td, th { text-align: left; padding: .2rem 1rem .2rem 0; vertical-align: top; }
"""


def add_page(app: FastAPI, static: Path = STATIC) -> None:
    """Serve the page if it was built, else a plain one; and the list of the API."""
    routes = app.router.routes
    routes.append(Route("/api/docs", _api_list))
    routes.append(Route(_STYLE, _style))
    index = static / "index.html"
    if not index.is_file():
        routes.append(Route("/", _plain_page))
        routes.append(Route("/sessions/{session_id:int}", _plain_page))
        return
    if (static / "assets").is_dir():
        lasting = _Lasting(directory=static / "assets")
        # Once per browser: then it keeps them.
        app.mount("/assets", GZipMiddleware(lasting, minimum_size=1000, compresslevel=6))
    beside = {file.name: file for file in static.iterdir() if file.is_file()}

    def page(request: Request) -> Response:
        """Every address of the page is the page; files beside it are themselves."""
        path = request.path_params["path"]
        if path == "api" or path.startswith("api/"):
            return problem(404, "there is nothing at this address")
        return FileResponse(beside.get(path, index), headers={"Cache-Control": "no-cache"})

    routes.append(Route("/{path:path}", page))


class _Lasting(StaticFiles):
    """Files whose names change with their content."""

    def file_response(self, *args: Any, **more: Any) -> Response:
        """Return a file that browsers may keep."""
        response = super().file_response(*args, **more)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def _plain_page(request: Request) -> HTMLResponse:
    hub: Hub = request.app.state.hub
    name = hub.config.microscope_name or "Frazil"
    try:
        actor = identify(hub, credentials_of(request))
    except UnknownPersonError:
        actor = None
    if actor is None:
        body = (
            "<p>You are not logged in. Open the link that <code>frazil serve</code> printed when it started, "
            "or log in by <code>POST /api/login</code>.</p>"
        )
    else:
        rows = [_session_row(view) for view in sessions.listed(hub, actor)]
        body = f"<p>Logged in as {html.escape(actor.login)}.</p>"
        head = "<tr><th>Session<th>Name<th>Tracks<th>Movies<th>Particles</tr>"
        body += f"<table>{head}{''.join(rows)}</table>" if rows else "<p>There is no session yet.</p>"
    body += '<p>All that the server can do: <a href="/api/docs">/api/docs</a></p>'
    return _page(name, body)


def _session_row(view: dict[str, Any]) -> str:
    tracks = []
    for track, state in view["tracks"].items():
        reason = f" ({state['reason']})" if state and state["reason"] else ""
        tracks.append(html.escape(f"{track}: {state['state'] if state else 'stopped'}{reason}"))
    counts = view["counts"]
    failed = f", {counts['failed']:,} failed" if counts.get("failed") else ""
    return (
        f"<tr><td>{html.escape(view['label'])}<td>{html.escape(view['name'])}<td>{'<br>'.join(tracks)}"
        f"<td>{counts['movies']:,}{failed}<td>{counts['particles']:,}</tr>"
    )


def _api_list(request: Request) -> HTMLResponse:
    schema = request.app.openapi()
    rows = []
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            words = operation.get("description") or operation.get("summary") or ""
            rows.append(
                f"<tr><td><code>{method.upper()}</code><td><code>{html.escape(path)}</code>"
                f"<td>{html.escape(operation.get('x-least-role', ''))}<td>{html.escape(words)}</tr>"
            )
    head = "<tr><th>Method<th>Address<th>Least role<th>What it does</tr>"
    schema_link = '<p>As a schema: <a href="/api/openapi.json">openapi.json</a></p>'
    return _page("The API of Frazil", f"{schema_link}<table>{head}{''.join(rows)}</table>")


def _style(_: Request) -> HTMLResponse:
    return HTMLResponse(_CSS, media_type="text/css")


def _page(title: str, body: str) -> HTMLResponse:
    words = html.escape(title)
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{words}</title>'
        f'<link rel="stylesheet" href="{_STYLE}"><h1>{words}</h1>{body}</html>'
    )
