"""What a stranger, a foreign page or somebody without the right tries: refused, and told why."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute

from frazil.web.app import ROUTERS
from frazil.web.doors import host_name, json_fault

from .conftest import PASSWORD, make_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from .conftest import Lab

LEVELS = ("nobody", "guest", "vera", "otto", "ann", "admin")
"""From those who may do least to those who may do most."""
LOWEST = {
    "public": "nobody",
    "anyone": "guest",
    "account": "vera",
    "member": "otto",
    "viewer": "guest",
    "operator": "otto",
    "owner": "ann",
    "admin": "admin",
}
PARAMETERS = {
    "user_id": "1",
    "group_id": "1",
    "token_id": "1",
    "link_id": "1",
    "token": "nonsense",
    "name": "movie_00001",
    "kind": "preview",
    "track": "transfer",
    "revision": "1",
    "number": "1",
    "class_id": "1",
    "test": "0123456789ab",
    "check": "0123456789ab",
    "picture": "gain",
    "alert_id": "1",
}


def routes() -> list[APIRoute]:
    """All routes of the API."""
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def least_role(route: APIRoute) -> str:
    return str((route.openapi_extra or {}).get("x-least-role"))


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One laboratory for tests that only ask."""
    with make_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def browsers(shared_lab: Lab) -> dict[str, httpx.Client]:
    """A browser for everybody; the guest has a share link of the first group's session."""
    made = {name: shared_lab.browser(name) for name in ("vera", "otto", "ann", "admin", "bob")}
    link = made["ann"].post(f"/api/sessions/{shared_lab.mine}/share-links", json={}).json()["path"]
    made["nobody"], made["guest"] = shared_lab.browser(), shared_lab.browser()
    made["guest"].get(link, follow_redirects=False)
    return made


def ask(client: httpx.Client, route: APIRoute, session_id: int, **more: Any) -> httpx.Response:
    """Send a request that gets as far as the rights allow: its values are nonsense."""
    path = route.path.replace("{session_id}", str(session_id))
    for name, value in PARAMETERS.items():
        path = path.replace("{" + name + "}", value)
    assert "{" not in path, f"give {route.path} a value in PARAMETERS"
    method = min(route.methods or ())
    if method not in ("GET", "DELETE"):
        more.setdefault("json", {"nonsense": True})
    return client.request(method, f"/api{path}", follow_redirects=False, **more)


def test_every_route_says_who_may_use_it() -> None:
    assert len(routes()) > 50
    assert {least_role(route) for route in routes()} == set(LOWEST)


@pytest.mark.parametrize("route", routes(), ids=lambda r: f"{min(r.methods)} {r.path}")
def test_nobody_below_its_role_gets_into_a_route(
    shared_lab: Lab, browsers: dict[str, httpx.Client], route: APIRoute
) -> None:
    lowest = LEVELS.index(LOWEST[least_role(route)])
    for level in LEVELS[:lowest]:
        status = ask(browsers[level], route, shared_lab.mine).status_code
        assert status == (401 if level == "nobody" else 403), f"{level}: {status}"


@pytest.mark.parametrize(
    "route",
    [route for route in routes() if "{session_id}" in route.path],
    ids=lambda r: f"{min(r.methods)} {r.path}",
)
def test_sessions_of_other_groups_do_not_exist(
    shared_lab: Lab, browsers: dict[str, httpx.Client], route: APIRoute
) -> None:
    for who in ("guest", "ann"):
        answer = ask(browsers[who], route, shared_lab.foreign)
        assert answer.status_code == 404
        assert "Secret" not in answer.text
        missing = ask(browsers[who], route, 999)
        assert missing.text == answer.text.replace(f"S{shared_lab.foreign}", "S999")


def test_lists_show_only_what_one_may_see(browsers: dict[str, httpx.Client]) -> None:
    seen = {
        name: [session["name"] for session in browsers[name].get("/api/sessions").json()]
        for name in ("guest", "vera", "bob", "admin")
    }
    assert seen == {
        "guest": ["Apoferritin"],
        "vera": ["Apoferritin"],
        "bob": ["Secret"],
        "admin": ["Secret", "Apoferritin"],
    }
    assert "Secret" not in browsers["vera"].get("/").text
    assert "Apoferritin" not in browsers["nobody"].get("/").text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {},
    ],
    ids=str,
)
def test_a_foreign_page_changes_nothing(lab: Lab, headers: dict[str, str]) -> None:
    browser = lab.browser("ann")
    del browser.headers["Origin"]
    path = f"/api/sessions/{lab.mine}/share-links"
    for method, body in (("POST", {}), ("DELETE", None), ("PUT", {}), ("PATCH", {})):
        answer = browser.request(method, path, json=body, headers=headers)
        assert answer.status_code == 403
        assert "another page" in answer.json()["detail"]
    assert browser.post(path, json={}, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 201
    assert len(browser.get(path).json()) == 1


def test_a_foreign_page_logs_nobody_in(lab: Lab) -> None:
    body = {"login": "bob", "password": PASSWORD}
    answer = lab.client(Origin="http://evil.example").post("/api/login", json=body)
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


def test_a_form_of_a_foreign_page_is_no_json(lab: Lab) -> None:
    answer = lab.browser("ann").post(
        f"/api/sessions/{lab.mine}/share-links", content="{}", headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 422


def test_a_token_needs_no_origin(lab: Lab) -> None:
    program = lab.program(lab.token("ann", "operator"))
    assert program.post(f"/api/sessions/{lab.mine}/share-links", json={}).status_code == 201


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:8181", "", "a b", "@"]
)
def test_the_server_answers_only_to_its_own_names(lab: Lab, host: str) -> None:
    answer = lab.browser("ann").get("/api/me", headers={"Host": host})
    assert answer.status_code in (400, 421)
    assert "ann" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:80", "[::1]:8181", "LOCALHOST", "10.1.2.3"])
def test_addresses_and_loopback_are_its_own_names(lab: Lab, host: str) -> None:
    assert lab.client(Host=host).get("/api/me").status_code == 401


def test_hosts_are_read_strictly() -> None:
    assert host_name("a.b:80") == "a.b" and host_name("[::1]:80") == "::1"
    assert [host_name(bad) for bad in ("a:b", "u@a", "a/b", "a?b", "a:99999", "")] == [None] * 6


def test_oversized_bodies_are_refused_whether_announced_or_not(lab: Lab) -> None:
    browser = lab.browser()
    announced = browser.post("/api/login", content=b"x" * 1_000_001)
    assert announced.status_code == 413
    chunks = (b"x" * 100_000 for _ in range(20))
    streamed = browser.post("/api/login", content=chunks)
    assert streamed.status_code == 413
    assert streamed.json()["error"] == "too_large"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"login": "ann", "password": ' + b"[" * 20 + b"]" * 20 + b"}", "deep"),
        (b"[" * 500_000, "deep"),
        (b'{"login": "\\ud800", "password": "x"}', "no text"),
        (b'{"login": "a\\u0000b", "password": "x"}', "no text"),
        (b'{"login": NaN, "password": "x"}', "no JSON"),
        (b'{"login": ', "no JSON"),
        (b'{"login": ' + b"9" * 5000 + b"}", "no JSON"),
        (b"\xff\xfe{}", "no JSON"),
    ],
)
def test_hostile_json_is_refused(lab: Lab, body: bytes, words: str) -> None:
    answer = lab.browser().post("/api/login", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert words in answer.json()["detail"]


def test_brackets_in_text_are_no_nesting() -> None:
    assert json_fault(json.dumps({"a": "[" * 50 + '"\\' + "{" * 50}).encode()) == ""


def test_answers_carry_no_password_back(lab: Lab) -> None:
    browser = lab.browser("admin")
    for body in (
        {"login": "x", "password": 12345678901234},
        {"login": "x", "password": "hunter2-hunter2" * 100},
    ):
        answer = browser.post("/api/users", json=body)
        assert answer.status_code == 422
        assert "hunter2" not in answer.text and "1234567" not in answer.text


TRAVERSALS = (
    "../../../etc/passwd",
    "..",
    "....//....//etc/passwd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%252f..%252fetc%252fpasswd",
    "%00",
    "movie%00.jpg",
    "..\\..\\etc\\passwd",
    "%c0%ae%c0%ae/",
    "\u2024\u2024/\u2215etc",
    "/etc/passwd",
    "~root",
    ".hidden",
    "movie_00001/../movie_00001",
    "a" * 256,
    "movie\n",
)


@pytest.mark.parametrize("evil", TRAVERSALS, ids=repr)
def test_no_name_leads_out_of_a_session(
    shared_lab: Lab, browsers: dict[str, httpx.Client], evil: str
) -> None:
    session = f"/api/sessions/{shared_lab.mine}"
    paths = [
        session + "/pictures/{}/preview.jpg",
        session + "/pictures/movie_00001/{}.jpg",
        session + "/movies/{}",
        session + "/movies/{}/picks",
        session + "/movies/{}/motion",
        session + "/logs/{}",
        session + "/logs/{}/download",
        session + "/tracks/{}/clear-preview",
        session + "/classify2d/updates/{}/classes.jpg",
        session + "/settings/tests/{}",
        "/api/share/{}",
        "/{}",
        "/assets/{}",
    ]
    host, port = shared_lab.url.removeprefix("http://").split(":")
    cookies = "; ".join(f"{name}={value}" for name, value in browsers["vera"].cookies.items())
    for path in paths:
        for form in {evil, quote(evil, safe="%"), quote(evil, safe="")}:
            status, body = raw_get(host, int(port), path.format(form), cookies)
            assert status in (303, 400, 404, 422) or b"<!doctype html>" in body, f"{path} {form}: {status}"
            assert b"root:" not in body


def raw_get(host: str, port: int, path: str, cookies: str) -> tuple[int, bytes]:
    """Ask for a path as it is: a proper client would tidy it up."""
    with socket.create_connection((host, port), timeout=10) as connection:
        target = path.encode("utf-8", "surrogateescape").replace(b"\n", b"%0A").replace(b" ", b"%20")
        connection.sendall(
            b"GET "
            + target
            + b" HTTP/1.1\r\nHost: localhost\r\nCookie: "
            + cookies.encode()
            + b"\r\nConnection: close\r\n\r\n"
        )
        answer = b""
        while block := connection.recv(65536):
            answer += block
    return int(answer.split(b" ", 2)[1]), answer


def test_pictures_that_are_links_are_not_followed(lab: Lab) -> None:
    browser = lab.browser("vera")
    folder = browser.get(f"/api/sessions/{lab.mine}").json()["folder"]
    lab.add_movies(lab.mine, 1)
    pictures = Path(folder) / "pictures"
    (pictures / "movie_00000.preview.jpg").symlink_to("/etc/passwd")
    path = f"/api/sessions/{lab.mine}/pictures/movie_00000/preview.jpg"
    assert browser.get(path).status_code == 404
    (pictures / "movie_00000.preview.jpg").unlink()
    pictures.rmdir()
    elsewhere = lab.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "movie_00000.preview.jpg").write_bytes(b"secret")
    pictures.symlink_to(elsewhere)
    assert browser.get(path).status_code == 404


def test_answers_tell_browsers_to_be_careful(browsers: dict[str, httpx.Client]) -> None:
    for path in ("/api/me", "/", "/api/docs", "/nowhere", "/api/nowhere", "/api/sessions/x"):
        headers = browsers["vera"].get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
    assert browsers["vera"].get("/api/me").headers["cache-control"] == "no-store"


def test_errors_of_the_server_say_nothing_about_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the inner secret")

    monkeypatch.setattr("frazil.app.movie_table.list_movies", fails)
    answer = lab.browser("vera").get(f"/api/sessions/{lab.mine}/movies")
    assert answer.status_code == 500
    assert answer.json()["error"] == "internal" and "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_server_needs_neither_torch_nor_pandas() -> None:
    code = (
        "import sys; import frazil.web.serving; "
        "found = {'torch', 'pandas', 'numba', 'scipy', 'matplotlib'} & set(sys.modules); "
        "sys.exit(', '.join(found) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"imports {done.stderr}"
