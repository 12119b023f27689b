"""How the API says what went wrong: always `Problem`, with a status that fits."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from frazil.app.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    TooOftenError,
    UnknownPersonError,
)
from frazil.model.errors import FrazilError, InputError, PassingError
from frazil.model.track import ControlRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

server_log = logging.getLogger("frazil.server")

NAMES = {
    400: "bad_request",
    401: "not_logged_in",
    403: "denied",
    404: "not_found",
    405: "wrong_method",
    408: "too_slow",
    409: "conflict",
    413: "too_large",
    415: "wrong_type",
    421: "wrong_host",
    422: "invalid",
    429: "too_often",
    500: "internal",
    503: "try_again",
}
_KINDS: tuple[tuple[type[FrazilError], int], ...] = (
    (UnknownPersonError, 401),
    (DeniedError, 403),
    (NotFoundError, 404),
    (ControlRefusedError, 409),
    (ConflictError, 409),
    (TooOftenError, 429),
    (PassingError, 503),
    (InputError, 400),
)
_MOST_MESSAGES = 5


class Problem(BaseModel):
    """Why a request was refused."""

    error: str = Field(description="for programs: " + ", ".join(dict.fromkeys(NAMES.values())))
    detail: str = Field(description="for people: what is wrong, and what to do")
    hint: str | None = Field(None, description="what else may help")
    state: str | None = Field(None, description="of the track that refused a control")
    details: dict[str, Any] | None = Field(
        None, description="what a person needs to decide; of settings both versions"
    )


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": HTTPStatus(status).phrase}
    for status in (400, 401, 403, 404, 409, 413, 415, 421, 422, 429, 503)
}
"""What every route may answer besides its result."""


def problem(
    status: int,
    detail: str,
    *,
    hint: str | None = None,
    state: str | None = None,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return the answer of a request that is refused."""
    body = {"error": NAMES.get(status, "refused"), "detail": detail}
    more = {"hint": hint, "state": state, "details": details}
    body.update((key, value) for key, value in more.items() if value)  # type: ignore[misc]
    return JSONResponse(body, status, headers)


def add_handlers(app: FastAPI) -> None:
    """Let an app answer errors as `Problem`."""
    app.add_exception_handler(FrazilError, _expected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def _expected(_: Request, error: Exception) -> JSONResponse:
    status = next((status for kind, status in _KINDS if isinstance(error, kind)), 400)
    headers = {"Retry-After": "5"} if status == 503 else {}
    if isinstance(error, TooOftenError):
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return problem(
        status,
        str(error),
        state=error.state if isinstance(error, ControlRefusedError) else None,
        details=error.details if isinstance(error, ConflictError) else None,
        headers=headers,
    )


def _invalid(_: Request, error: Exception) -> JSONResponse:
    """Say which values are wrong, without repeating them: a password may be among them."""
    if not isinstance(error, RequestValidationError):
        raise error
    errors = error.errors()
    lines = []
    for one in errors[:_MOST_MESSAGES]:
        where = ".".join(str(part) for part in one["loc"][1:]) or str(one["loc"][0])
        lines.append(f"{where}: {one['msg']}")
    if len(errors) > _MOST_MESSAGES:
        lines.append(f"and {len(errors) - _MOST_MESSAGES} more")
    return problem(422, "; ".join(lines))


def _http(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    detail = "there is nothing at this address" if error.status_code == 404 else str(error.detail)
    return problem(error.status_code, detail, headers=error.headers)


class Unexpected:
    """Turns errors that nobody expected into an answer that says nothing of the server; its log says all."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            server_log.exception("internal error at %s %s", scope["method"], scope["path"])
            if begun:
                # Half an answer can't be taken back; the connection ends.
                raise
            await problem(500, "internal error of the server; its log says more")(scope, receive, send)
