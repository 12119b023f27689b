"""JSON is sent compressed to who takes it; nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Lab

GZIP = {"accept-encoding": "gzip"}
PLAIN = {"accept-encoding": "identity"}


@pytest.mark.parametrize("path", ["/api/settings/schema", "/api/openapi.json"])
def test_long_answers_are_packed_for_who_takes_it(lab: Lab, path: str) -> None:
    vera = lab.browser("vera")
    packed, plain = vera.get(path, headers=GZIP), vera.get(path, headers=PLAIN)
    assert packed.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in packed.headers["vary"].lower()
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    assert int(packed.headers["content-length"]) < len(plain.content) / 3


def test_short_answers_errors_and_other_files_are_left_as_they_are(lab: Lab) -> None:
    vera = lab.browser("vera")
    for path in ("/api/me", "/api/nowhere", "/api/docs"):
        answer = vera.get(path, headers=GZIP)
        assert "content-encoding" not in answer.headers
        assert int(answer.headers["content-length"]) == len(answer.content)
    assert vera.head("/api/settings/schema", headers=GZIP).status_code in (200, 405)
