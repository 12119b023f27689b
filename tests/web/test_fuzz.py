"""Whatever is sent, the server answers as its schema says, never with an error of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, reject, seed, settings
from hypothesis import strategies as st
from schemathesis.core import NOT_SET
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .conftest import make_lab

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .conftest import Lab

NOT_TRIED = {"logOut", "removeUser", "deleteSession", "changeUser", "archiveSession", "startRelocation"}
"""They would end the test's own rights."""
EXAMPLES = 8
AS_SAID = [status_code_conformance, content_type_conformance, response_schema_conformance]
REAL = {"name": "movie_00000", "number": 1, "revision": 1, "alert_id": 1}
PEOPLE = ("nobody", "vera", "ann", "admin")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with make_lab(tmp_path_factory.mktemp("lab")) as lab:
        lab.add_movies(lab.mine, 5)
        yield lab


@pytest.fixture(scope="module")
def clients(lab: Lab) -> dict[str, httpx.Client]:
    return {who: lab.browser(None if who == "nobody" else who) for who in PEOPLE}


@pytest.fixture(scope="module")
def operations(lab: Lab) -> list[schemathesis.APIOperation]:
    schema = schemathesis.openapi.from_dict(lab.browser().get("/api/openapi.json").json())
    found = [result.ok() for result in schema.get_all_operations()]
    assert len(found) > 50
    return [operation for operation in found if operation.definition.raw["operationId"] not in NOT_TRIED]


@pytest.mark.slow
@pytest.mark.parametrize("who", PEOPLE)
def test_no_request_makes_the_server_fail(
    lab: Lab, clients: dict[str, httpx.Client], operations: list[schemathesis.APIOperation], who: str
) -> None:
    client = clients[who]
    for operation in operations:
        try_operation(lab, client, operation, who)
    assert client.get("/api/health").status_code == 200
    if who != "nobody":
        assert client.get(f"/api/sessions/{lab.mine}").status_code == 200


def encoded(body: object) -> bytes:
    """Return a body as a careless program sends it, with half characters and all."""
    return (
        body
        if isinstance(body, bytes)
        else json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
    )


def plain(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that the schema knows."""
    return {name: value for name, value in headers.items() if name.lower() == "if-none-match"}


def try_operation(lab: Lab, client: httpx.Client, operation: schemathesis.APIOperation, who: str) -> None:
    role = operation.definition.raw["x-least-role"]

    @seed(7)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def try_it(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy())
        if data.draw(st.integers(0, 3)):
            # Nonsense that gets as far as a real session, movie and user.
            known = {
                **REAL,
                "session_id": lab.mine,
                "user_id": lab.users["bob"],
                "group_id": lab.groups["other"],
            }
            real = {name: known[name] for name in case.path_parameters or {} if name in known}
            case.path_parameters = {**(case.path_parameters or {}), **real}
        content = None if case.body is NOT_SET else encoded(case.body)
        try:
            request = client.build_request(
                case.method,
                case.formatted_path,
                params=case.query or None,
                headers={**plain(case.headers or {}), "Content-Type": "application/json"},
                content=content,
            )
        except (httpx.InvalidURL, UnicodeEncodeError):
            reject()
        answer = client.send(request)
        where = f"{who}: {request.method} {request.url} {request.content[:300]!r}: {answer.text[:300]}"
        assert answer.status_code < 500 or answer.status_code == 503, where
        if who == "nobody" and role != "public":
            assert answer.status_code in (400, 401, 404, 405, 413, 422), where
        case.validate_response(answer, checks=AS_SAID)
        if answer.status_code >= 400:
            assert set(answer.json()) <= {"error", "detail", "hint", "state", "details"}, where

    try_it()
