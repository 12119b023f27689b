"""Sessions, settings, tracks and logs by REST."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from frazil.store.catalogue import class_updates, source_files, tracks
from frazil.tracks.transfer.messages import KeepFile

if TYPE_CHECKING:
    from .conftest import Lab


def test_an_operator_makes_a_session_and_a_viewer_does_not(lab: Lab) -> None:
    values = {"name": "Ribosome", "group": "cryo", "pixel_size_a": 1.1, "voltage_kv": 300}
    assert lab.browser("vera").post("/api/sessions", json={"values": values}).status_code == 403
    otto = lab.browser("otto")
    made = otto.post("/api/sessions", json={"values": values}).json()
    assert (made["name"], made["group"], made["owner"], made["role"]) == (
        "Ribosome",
        "cryo",
        "otto",
        "operator",
    )
    found = otto.get("/api/sessions", params={"search": "ribo"}).json()
    assert [session["id"] for session in found] == [made["id"]]
    settings = otto.get(f"/api/sessions/{made['id']}/settings").json()
    assert settings["values"]["pixel_size_a"] == 1.1 and "pixel_size_a" in settings["changed"]


def test_nobody_makes_sessions_in_other_groups_or_outside_the_roots(lab: Lab) -> None:
    otto = lab.browser("otto")
    other = otto.post("/api/sessions", json={"values": {"name": "x", "group": "other"}})
    assert other.status_code == 404
    outside = otto.post("/api/sessions", json={"values": {"name": "x", "folder": "/etc/frazil"}})
    assert outside.status_code == 403


def test_settings_are_saved_once(lab: Lab) -> None:
    ann, otto = lab.browser("ann"), lab.browser("otto")
    path = f"/api/sessions/{lab.mine}/settings"
    body = {"values": {"ctf_high_a": 4.0}, "base_revision": 1}
    preview = ann.post(path + "/preview", json=body).json()
    assert [change["name"] for change in preview["changes"]] == ["ctf_high_a"]
    saved = ann.put(path, json=body).json()
    assert (saved["revision"], saved["saved_by"], saved["values"]["ctf_high_a"]) == (2, "ann", 4.0)
    late = otto.put(path, json={"values": {"ctf_high_a": 5.0}, "base_revision": 1})
    assert late.status_code == 409
    problem = late.json()
    assert problem["details"]["newest"]["saved_by"] == "ann"
    assert problem["details"]["yours"] == {"ctf_high_a": 5.0}
    assert [row["revision"] for row in otto.get(path + "/revisions").json()] == [2, 1]
    back = otto.post(path + "/revert", json={"revision": 1, "base_revision": 2}).json()
    assert (back["revision"], back["values"]["ctf_high_a"]) == (3, 3.5)


def test_a_value_that_can_not_be_used_is_named(lab: Lab) -> None:
    path = f"/api/sessions/{lab.mine}/settings"
    for values, word in (({"ctf_hihg_a": 4}, "ctf_high_a"), ({"ctf_high_a": 400}, "from 2 to 15")):
        answer = lab.browser("ann").put(path, json={"values": values, "base_revision": 1})
        assert answer.status_code == 400 and word in answer.json()["detail"]


def test_tracks_are_started_and_stopped(lab: Lab) -> None:
    otto = lab.browser("otto")
    path = f"/api/sessions/{lab.mine}/tracks"
    refused = otto.post(path + "/transfer/start")
    assert refused.status_code == 400 and "source_path" in refused.json()["detail"]
    (lab.folder / "grid").mkdir()
    values = {"source_path": str(lab.folder / "grid")}
    body = {"values": values, "base_revision": 1}
    assert otto.put(f"/api/sessions/{lab.mine}/settings", json=body).status_code == 200
    assert otto.post(path + "/transfer/start").json()["wanted"] is True
    changed = threading.Event()
    lab.hub.feed.listen(changed.set)
    while otto.get(path).json()[0]["state"] != "running":
        assert changed.wait(10)
        changed.clear()
    clearing = lab.browser("ann").post(path + "/transfer/clear")
    assert clearing.status_code == 409
    assert clearing.json()["state"] == "running" and "stop it first" in clearing.json()["detail"]
    assert otto.post(path + "/transfer/clear").status_code == 403
    assert otto.post(path + "/transfer/stop", json={"now": True}).json()["wanted"] is False


def test_logs_are_read_and_downloaded(lab: Lab) -> None:
    vera = lab.browser("vera")
    folder = Path(vera.get(f"/api/sessions/{lab.mine}").json()["folder"])
    lines = [
        {"time": "t", "level": level, "message": f"line {n}"} for n, level in enumerate(("info", "error"))
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "logs" / "preprocess.jsonl").write_text(text)
    path = f"/api/sessions/{lab.mine}/logs/preprocess"
    part = vera.get(path).json()
    assert [line["message"] for line in part["lines"]] == ["line 0", "line 1"]
    assert [line["message"] for line in vera.get(path, params={"level": "error"}).json()["lines"]] == [
        "line 1"
    ]
    assert vera.get(path, params={"offset": part["end"]}).json()["lines"] == []
    download = vera.get(path + "/download")
    assert download.text == text and "S1-preprocess" in download.headers["content-disposition"]


def test_the_history_of_classes_is_shown(lab: Lab) -> None:
    vera = lab.browser("vera")
    folder = Path(vera.get(f"/api/sessions/{lab.mine}").json()["folder"])
    update = folder / "classes" / "run1" / "update_0001"
    update.mkdir(parents=True)
    (update / "classes.jpg").write_bytes(b"\xff\xd8sheet")
    row = {
        "run": 1,
        "update_in_run": 1,
        "kind": "streaming",
        "finished_at": 5.0,
        "seconds": 1.0,
        "particles": 300,
        "class_count": 2,
        "limit_a": 20.0,
        "fraction": None,
        "settings_revision": 1,
        "folder": "classes/run1/update_0001",
        "summary": {
            "classes": [{"class_id": 1, "particles": 200, "quality": 0.9}, {"class_id": 2, "particles": 90}],
            "unassigned": 10,
        },
    }
    with lab.hub.catalogue.write() as connection:
        class_updates.add(connection, lab.mine, 7, row)
    path = f"/api/sessions/{lab.mine}/classify2d/updates"
    assert [entry["number"] for entry in vera.get(path).json()] == [7]
    assert vera.get(path + "/7").json()["summary"]["classes"][0]["quality"] == 0.9
    assert vera.get(path + "/7/assignments").json()["unassigned"] == 10
    sheet = vera.get(path + "/7/classes.jpg")
    assert sheet.content == b"\xff\xd8sheet"
    again = vera.get(path + "/7/classes.jpg", headers={"If-None-Match": sheet.headers["etag"]})
    assert again.status_code == 304
    assert vera.get(path + "/8").status_code == 404
    assert vera.get(f"/api/sessions/{lab.mine}").json()["last_classes"]["number"] == 7


def test_an_owner_deletes_a_session_by_its_name(lab: Lab) -> None:
    ann = lab.browser("ann")
    path = f"/api/sessions/{lab.mine}"
    preview = ann.get(path + "/delete-preview").json()
    assert "raw" in {entry["name"] for entry in preview["entries"]}
    assert ann.request("DELETE", path, json={"name": "Wrong"}).status_code == 400
    assert lab.browser("otto").request("DELETE", path, json={"name": "Apoferritin"}).status_code == 403
    assert ann.request("DELETE", path, json={"name": "Apoferritin"}).status_code == 202


def test_archived_sessions_stay_as_they_are(lab: Lab) -> None:
    ann = lab.browser("ann")
    path = f"/api/sessions/{lab.mine}"
    assert ann.post(path + "/archive").json()["life"] == "archived"
    assert ann.post(path + "/tracks/preprocess/start").status_code == 409
    assert ann.put(path + "/settings", json={"values": {}, "base_revision": 1}).status_code == 409
    assert ann.get("/api/sessions").json() == []
    assert len(ann.get("/api/sessions", params={"life": "archived"}).json()) == 1


def test_the_server_tells_how_it_is(lab: Lab) -> None:
    server = lab.browser("vera").get("/api/server").json()
    assert server["memory"]["server_bytes"] > 0 and server["cores"] >= 1
    assert lab.client().get("/api/health").json()["status"] == "ok"
    strip = lab.browser("vera").get(f"/api/sessions/{lab.mine}/strip").json()
    assert (strip["movies"], strip["waiting"], strip["classes"]) == (0, 0, None)


def test_changes_are_listed_for_admins(lab: Lab) -> None:
    lab.browser("ann").patch(f"/api/sessions/{lab.mine}", json={"name": "Ferritin"})
    rows = lab.browser("admin").get("/api/audit", params={"session": lab.mine}).json()
    assert (rows[0]["who"], rows[0]["what"]) == ("ann", "session.change")


def test_scheduled_jobs_have_buttons(lab: Lab) -> None:
    otto = lab.browser("otto")
    path = f"/api/sessions/{lab.mine}/classify2d"
    assert otto.get(path + "/jobs").json()["state"] == "stopped"
    assert lab.browser("vera").post(path + "/start-job", json={"base_revision": 1}).status_code == 403
    stale = otto.post(path + "/start-job", json={"values": {"class_count": 20}, "base_revision": 0})
    assert stale.status_code in (404, 409)
    body = {"values": {"voltage_kv": 300, "mode": "abinit"}, "base_revision": 1}
    started = otto.post(path + "/start-job", json=body).json()
    assert (started["track"], started["wanted"]) == ("classify2d", True)
    assert otto.post(path + "/stop").json()["wanted"] is False


def test_a_changed_source_is_taken_or_left(lab: Lab) -> None:
    lab.add_movies(lab.mine, 1)
    otto = lab.browser("otto")
    path = f"/api/sessions/{lab.mine}/movies/movie_00000/source"
    unchanged = otto.post(path, json={"action": "replace"})
    assert unchanged.status_code == 409 and "did not change" in unchanged.json()["detail"]
    file = {
        "path": "a.tif",
        "kind": "movie",
        "movie_number": 1,
        "size_bytes": 1,
        "mtime_ns": 1,
        "found_at": 1.0,
    }
    with lab.hub.catalogue.write() as connection:
        source_files.add_many(connection, lab.mine, [{**file, "state": "changed"}])
    stopped = otto.post(path, json={"action": "replace"})
    assert stopped.status_code == 409 and "start it first" in stopped.json()["detail"]
    received: list[object] = []
    runner = lab.hub.runner(lab.mine, "transfer")
    runner.post = received.append  # type: ignore[method-assign, assignment]
    with lab.hub.catalogue.write() as connection:
        now = lab.hub.now()
        tracks.save_state(connection, lab.mine, "transfer", wanted=True, state="running", reason="", now=now)
    assert otto.post(path, json={"action": "ignore"}).status_code == 202
    assert received == [KeepFile("a.tif")]
    assert otto.post(path, json={"action": "burn"}).status_code == 422


@pytest.mark.parametrize("where", ["{foreign}/raw", "{foreign}", "{above}", "{above}/*/raw"])
def test_movies_of_other_groups_are_no_source(lab: Lab, where: str) -> None:
    foreign = Path(lab.browser("bob").get(f"/api/sessions/{lab.foreign}").json()["folder"])
    (lab.folder / "link").symlink_to(foreign)
    for source in (where.format(foreign=foreign, above=foreign.parent), str(lab.folder / "link" / "raw")):
        otto = lab.browser("otto")
        body = {"values": {"source_path": source}, "base_revision": 1}
        for answer in (
            otto.put(f"/api/sessions/{lab.mine}/settings", json=body),
            otto.post(f"/api/sessions/{lab.mine}/settings/preview", json=body),
            otto.post("/api/sessions", json={"values": {"name": "x", "source_path": source}}),
        ):
            assert answer.status_code in (400, 403)
            assert "Secret" not in answer.text.replace(source, "")
    body = {"values": {"source_path": str(foreign / "raw")}, "base_revision": 1}
    assert lab.browser("admin").put(f"/api/sessions/{lab.mine}/settings", json=body).status_code == 200
