"""Sessions on a Warp folder by REST: what is found, what is refused, what they have."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np

from frazil.microscope.warp_output import WarpOutput, WarpParticles

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Lab


def warp_folder(lab: Lab) -> Path:
    warp = WarpOutput(lab.hub.config.roots[0] / "warp")
    warp.save_settings()
    zeros = np.zeros(3)
    warp.process("m1", WarpParticles(np.zeros((3, 48, 48), np.float32), zeros, zeros, zeros, zeros, zeros))
    return warp.folder


def test_a_warp_folder_is_looked_at_and_followed(lab: Lab) -> None:
    folder, otto = warp_folder(lab), lab.browser("otto")
    found = otto.get("/api/warp-preview", params={"path": str(folder)}).json()
    assert (found["network"], found["table"]) == (
        "BoxNet2Mask_20180918",
        "allparticles_BoxNet2Mask_20180918.star",
    )
    assert (found["movies"], found["particles"], found["box_size_px"], found["pixel_size_a"]) == (
        1,
        3,
        48,
        2.0,
    )
    assert (found["threshold"], found["trouble"], found["sessions"]) == (0.95, "", [])
    assert found["text"].startswith("1 movie, 3 particles, box 48 px of 2 Å")
    values = {"name": "Live", "group": "cryo", "kind": "warp", "warp_folder": str(folder)}
    made = otto.post("/api/sessions", json={"values": values}).json()
    assert (made["kind"], made["source_path"], made["warnings"]) == ("warp", str(folder), [])
    path = f"/api/sessions/{made['id']}"
    settings = otto.get(f"{path}/settings").json()
    assert settings["values"]["box_size_px"] == 48
    assert settings["values"]["neural_net"] == "BoxNet2Mask_20180918"
    assert settings["not_used"]["gain_path"] == "Warp does this"
    assert "box_size_px" not in settings["not_used"]
    assert otto.get("/api/warp-preview", params={"path": str(folder)}).json()["sessions"] == [made["label"]]
    started = otto.post(f"{path}/tracks/start-all").json()
    assert [track["track"] for track in started] == ["preprocess", "classify2d"]
    assert not any(track.get("error") for track in started)
    refused = otto.post(f"{path}/tracks/transfer/start")
    assert refused.status_code == 400 and "no file transfer" in refused.text
    copied = otto.post(f"{path}/copy", json={"name": "Again"}).json()
    assert (copied["kind"], copied["source_path"]) == ("warp", str(folder))


def test_what_warp_decides_is_not_set_by_hand(lab: Lab) -> None:
    folder, otto = warp_folder(lab), lab.browser("otto")
    values = {"name": "Live", "group": "cryo", "kind": "warp", "warp_folder": str(folder)}
    refused = otto.post("/api/sessions", json={"values": {**values, "box_size_px": 64}})
    assert refused.status_code == 400 and "change it in Warp" in refused.text
    refused = otto.post("/api/sessions", json={"values": {**values, "gain_path": str(folder / "g.mrc")}})
    assert refused.status_code == 400 and "Warp does this" in refused.text
    refused = otto.post("/api/sessions", json={"values": {**values, "kind": "movies"}})
    assert refused.status_code == 400 and "kind=warp" in refused.text
    made = otto.post("/api/sessions", json={"values": values}).json()
    path = f"/api/sessions/{made['id']}/settings"
    for change, words in (
        ({"pixel_size_a": 3.0}, "in Warp"),
        ({"warp_folder": str(folder.parent)}, "one Warp"),
    ):
        refused = otto.put(path, json={"values": change, "base_revision": 1})
        assert refused.status_code == 400 and words in refused.text
    saved = otto.put(path, json={"values": {"class_count": 7}, "base_revision": 1})
    assert saved.status_code == 200
    copied = folder.with_name("copied")
    shutil.copytree(folder, copied)
    moving = {"values": {"warp_folder": str(copied)}, "base_revision": saved.json()["revision"]}
    refused = otto.put(path, json=moving)
    assert refused.status_code == 400 and "still there" in refused.text
    shutil.rmtree(folder)
    assert otto.put(path, json=moving).status_code == 200


def test_folders_that_are_not_warps_are_told(lab: Lab) -> None:
    folder, otto = warp_folder(lab), lab.browser("otto")
    found = otto.get("/api/warp-preview", params={"path": str(folder / "particles")}).json()
    assert not found["is_warp"] and "previous.settings" in found["trouble"]
    WarpOutput(folder).change(export=False)
    found = otto.get("/api/warp-preview", params={"path": str(folder)}).json()
    assert "switch on Pick Particles and Export Particle" in found["trouble"]
    (folder / "previous.settings").unlink()
    (folder / "previous.settings").symlink_to("/etc/passwd")
    found = otto.get("/api/warp-preview", params={"path": str(folder)}).json()
    assert not found["is_warp"] and "outside the server's roots" in found["trouble"]
    assert otto.get("/api/warp-preview", params={"path": "/etc"}).status_code == 403
    assert lab.browser("vera").get("/api/warp-preview", params={"path": str(folder)}).status_code == 403
    empty = folder.parent / "later"
    empty.mkdir()
    values = {"name": "Later", "group": "cryo", "kind": "warp", "warp_folder": str(empty)}
    made = otto.post("/api/sessions", json={"values": values}).json()
    assert "previous.settings" in made["warnings"][0]
