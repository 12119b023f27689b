"""Exports by REST: who may, what comes back, the whole of it as a tar file."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from tests.app.exported import fill_session

from frazil.engine.inline import InlineExecutor

if TYPE_CHECKING:
    import httpx

    from .conftest import Lab

WANTED = {"request": {"contents": ["movies", "micrographs", "picks", "particles"]}}


@pytest.fixture
def otto(lab: Lab) -> httpx.Client:
    """Browser of an operator whose session holds something to export."""
    fill_session(lab.hub, lab.mine)
    return lab.browser("otto")


def run_all(lab: Lab) -> None:
    executor = lab.hub.executor
    assert isinstance(executor, InlineExecutor)
    executor.run_all()


def path(lab: Lab, rest: str = "") -> str:
    return f"/api/sessions/{lab.mine}/exports{rest}"


def test_an_operator_makes_one_and_a_viewer_takes_it(lab: Lab, otto: httpx.Client) -> None:
    told = otto.post(path(lab, "/preview"), json=WANTED["request"]).json()
    assert (told["micrographs"], told["particles"], told["problems"]) == (2, 10, [])
    made = otto.post(path(lab), json=WANTED)
    assert made.status_code == 201 and made.json()["state"] == "queued"
    run_all(lab)
    vera = lab.browser("vera")
    (row,) = vera.get(path(lab)).json()
    assert row["state"] == "done" and row["created_by"] == "otto"
    assert "collecting micrographs" in vera.get(path(lab, "/1/log")).text
    picture = vera.get(path(lab, "/1/overlay/movie_0001.jpg"))
    assert picture.headers["content-type"] == "image/jpeg" and picture.content[:2] == b"\xff\xd8"
    assert vera.post(path(lab), json=WANTED).status_code == 403
    assert vera.delete(path(lab, "/1")).status_code == 403
    assert lab.browser("bob").get(path(lab, "/1/download")).status_code == 404


def test_the_tar_file_holds_the_export(lab: Lab, otto: httpx.Client) -> None:
    assert otto.get(path(lab, "/1/download")).status_code == 404
    otto.post(path(lab), json={"name": "mine", **WANTED})
    assert otto.get(path(lab, "/1/download")).status_code == 409
    run_all(lab)
    answer = otto.get(path(lab, "/1/download"))
    assert 'filename="S1-mine.tar"' in answer.headers["content-disposition"]
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
        names = tar.getnames()
        assert {"mine/README.txt", "mine/particles/movie_0001.mrcs", "mine/manifest.tsv"} <= set(names)
        stack = tar.extractfile("mine/particles/movie_0001.mrcs")
        assert stack is not None and len(stack.read()) == 1024 + 5 * 16 * 16 * 2
        # Movies are somewhere else, and are not sent along.
        assert tar.getmember("mine/raw/movie_0001.tif").issym()


def test_links_that_others_put_there_are_not_followed(lab: Lab, otto: httpx.Client) -> None:
    otto.post(path(lab), json=WANTED)
    run_all(lab)
    folder = lab.hub.folder(lab.mine).path / "exports" / "relion-001"
    secret = lab.folder / "secret"
    secret.write_text("password")
    (folder / "aaa").symlink_to(secret)
    (folder / "bbb").symlink_to(lab.folder)
    content = otto.get(path(lab, "/1/download")).content
    assert b"password" not in content
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        assert tar.getmember("relion-001/aaa").issym() and tar.getmember("relion-001/bbb").issym()


def test_what_is_wrong_is_said(lab: Lab, otto: httpx.Client) -> None:
    nothing = {"request": {"where": {"ranges": {"ctf_resolution_a": {"high": 0.1}}}}}
    answer = otto.post(path(lab), json=nothing)
    assert answer.status_code == 400 and "no micrograph is kept" in answer.json()["detail"]
    assert otto.post(path(lab), json={"name": "../x", **WANTED}).status_code == 400
    assert otto.post(path(lab), json={"request": {"format": "warp"}}).status_code == 422
    assert otto.post(path(lab, "/7/cancel")).status_code == 404


def test_cancel_and_delete(lab: Lab, otto: httpx.Client) -> None:
    otto.post(path(lab), json=WANTED)
    assert otto.delete(path(lab, "/1")).status_code == 409
    assert otto.post(path(lab, "/1/cancel")).status_code == 204
    assert otto.get(path(lab, "/1")).json()["state"] == "cancelled"
    assert otto.post(path(lab, "/1/retry")).status_code == 409
    assert otto.delete(path(lab, "/1")).status_code == 204
    assert otto.get(path(lab)).json() == []
