"""While a session is set up, a gain reference is tried on the movies that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.app import gain_check
from frazil.app.access import Actor
from frazil.app.errors import DeniedError, NotFoundError
from frazil.formats.mrc import write_mrc
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from frazil.app.hub import Hub

OPERATOR = Actor(5, "otto", roles={1: "operator"})
OTHER = Actor(6, "olga", roles={1: "operator"})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Make a folder with two movies of a camera, and a reference that has to be turned and flipped."""
    random = np.random.default_rng(3)
    folder = tmp_path / "share" / "grid"
    folder.mkdir(parents=True)
    gain = (1 + 0.08 * random.normal(size=(96, 96))).clip(0.6, 2).astype(np.float32)
    laid = np.rot90(gain, -1)[:, ::-1]
    for name in ("a", "b"):
        frames = random.poisson(9.0 / laid, (6, 96, 96)).astype(np.float32)
        write_mrc(folder / f"{name}.mrc", frames, 1.0)
    (folder / "broken.mrc").write_bytes(b"still being written")
    write_mrc(tmp_path / "share" / "ref.mrc", gain, 1.0)
    write_mrc(tmp_path / "share" / "other.mrc", gain[:80], 1.0)
    return folder


def test_the_orientation_is_found_and_both_pictures_are_there(hub: Hub, source: Path) -> None:
    started = gain_check.start_gain_check(hub, OPERATOR, str(source), str(source.parent / "ref.mrc"))
    hub.executor.run_all()  # type: ignore[attr-defined]
    told = gain_check.show_gain_check(hub, OPERATOR, started["check"])
    assert (told["state"], told["reason"]) == ("done", "")
    assert (told["movies"], told["frames"]) == (2, 12)
    best = told["orientations"][0]
    assert (best["rotation_deg"], best["flip_x"]) == (90, True)
    assert told["sure"] and not told["inverted"] and len(told["orientations"]) == 8
    for name in ("movie", "gain"):
        picture = gain_check.picture_of_gain_check(hub, OPERATOR, started["check"], name)
        assert picture is not None and picture.content.startswith(b"\xff\xd8")
    with pytest.raises(NotFoundError):
        gain_check.show_gain_check(hub, OTHER, started["check"])
    with pytest.raises(NotFoundError):
        gain_check.show_gain_check(hub, OPERATOR, "../../etc")


def test_what_is_wrong_is_told(hub: Hub, source: Path, tmp_path: Path) -> None:
    started = gain_check.start_gain_check(hub, OPERATOR, str(source), str(source.parent / "other.mrc"))
    hub.executor.run_all()  # type: ignore[attr-defined]
    told = gain_check.show_gain_check(hub, OPERATOR, started["check"])
    assert told["state"] == "failed" and "96 x 80" in told["reason"] and "96 x 96" in told["reason"]
    with pytest.raises(InputError, match="no such file"):
        gain_check.start_gain_check(hub, OPERATOR, str(source), str(source / "none.mrc"))
    empty = tmp_path / "share" / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="no movies yet"):
        gain_check.start_gain_check(hub, OPERATOR, str(empty), str(source.parent / "ref.mrc"))
    for path, gain in ((str(source), "/etc/passwd"), ("/etc", str(source.parent / "ref.mrc"))):
        with pytest.raises(DeniedError):
            gain_check.start_gain_check(hub, OPERATOR, path, gain)


def test_checks_of_yesterday_are_forgotten(hub: Hub, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = str(source.parent / "ref.mrc")
    first = gain_check.start_gain_check(hub, OPERATOR, str(source), reference)["check"]
    later = hub.now() + 100_000
    monkeypatch.setattr(hub, "now", lambda: later)
    gain_check.start_gain_check(hub, OPERATOR, str(source), reference)
    with pytest.raises(NotFoundError):
        gain_check.show_gain_check(hub, OPERATOR, first)
