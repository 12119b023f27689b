"""Transfer with a real catalogue, folder and threads; only time passes when the test says so."""

from __future__ import annotations

import os
import queue
import shutil
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import xxhash
from tests.tracks.harness import Bench, make_bench

from frazil.formats.complete import Completeness, check_complete
from frazil.formats.mrc import write_mrc
from frazil.model.errors import PassingError
from frazil.store import manifest
from frazil.store.catalogue import Catalogue, source_files, tracks
from frazil.tracks.runner import BlockedError
from frazil.tracks.transfer.body import TransferBody
from frazil.tracks.transfer.messages import KeepFile, ReplaceFile, RetryFiles
from frazil.tracks.transfer.names import ProductNames, from_storable, raw_path, storable
from frazil.tracks.transfer.scan import Look, SourceTree

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

COUNTS = np.random.default_rng(1).poisson(2.0, (4, 24, 32)).astype(np.uint8)
EPU = """<MicroscopeImage xmlns="http://x"><CustomData><KeyValue><Key>Dose</Key><Value>4E+21</Value></KeyValue></CustomData>
<SpatialScale><pixelSize><x><numericValue>1.0E-10</numericValue></x></pixelSize></SpatialScale>
<microscopeData><acquisition><camera><ReadoutArea><width>16</width><height>12</height></ReadoutArea></camera></acquisition>
<gun><AccelerationVoltage>{voltage}</AccelerationVoltage></gun><stage><Position><X>1E-6</X><Y>2E-6</Y></Position></stage>
<optics><BeamShift><_x>0.1</_x><_y>0.2</_y></BeamShift></optics></microscopeData></MicroscopeImage>"""


@dataclass
class Transfer:
    """The track of one session, and the microscope's folder."""

    bench: Bench
    source: Path

    def __post_init__(self) -> None:
        self.mail: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.allowed: Callable[[Path], bool] = lambda _: True
        self.new_server()

    def new_server(self) -> None:
        """As after a crash: all that lasts is what was stored."""
        self.mail = queue.SimpleQueue()
        context = replace(self.bench.context(), post=self.mail.put, allowed=lambda path: self.allowed(path))
        self.body = TransferBody(context)

    def begin(self, *, anew: bool = False) -> None:
        self.body.begin(anew=anew)

    def settle(self) -> None:
        """Take in messages until no thread has anything to say."""
        while self.body.in_flight or (self.body._run is not None and self.body._run._looker.busy):
            self.body.receive(self.mail.get(timeout=20))
            if self.body._run is not None and self.body._run.active:
                self.body._run.flush()

    def wait(self, seconds: float) -> None:
        end = self.bench.clock.now + seconds
        while self.bench.clock.now < end:
            self.bench.clock.now += 3.0
            self.body.step()
            self.settle()

    def movie(self, name: str, frames: int = 4, value: int = 0, size: int = 1) -> Path:
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        counts = np.tile(COUNTS[:frames] + np.uint8(value), (1, size, size))
        tifffile.imwrite(path, counts, photometric="minisblack")
        return path

    def raw(self, name: str) -> Path:
        return self.bench.folder.path / "raw" / name

    def files(self) -> dict[str, dict[str, Any]]:
        with self.bench.catalogue.read() as connection:
            return {row["path"]: row for row in source_files.every(connection, self.bench.session_id)}

    def file_states(self) -> dict[str, str]:
        return {path: row["state"] for path, row in self.files().items()}

    def in_raw(self) -> list[str]:
        raw = self.bench.folder.path / "raw"
        own = ("manifest.jsonl", "checksums.xxh128")
        return sorted(
            str(path.relative_to(raw))
            for path in raw.rglob("*")
            if not path.is_dir() and path.name not in own
        )


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Transfer]]:
    made: list[Transfer] = []

    def make_transfer(**values: object) -> Transfer:
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        given: dict[str, Any] = {"source_path": str(source), "transfer_mode": "copy", **values}
        bench = make_bench(tmp_path, **given)
        made.append(Transfer(bench, source))
        return made[-1]

    yield make_transfer
    for transfer in made:
        transfer.body.kill()
        transfer.bench.close()


@pytest.mark.parametrize("mode", ["link", "copy", "move", "in_place"])
def test_a_finished_movie_is_delivered_and_queued(make: Callable[..., Transfer], mode: str) -> None:
    transfer = make(transfer_mode=mode)
    source = transfer.movie("GridSquare_7/a b.tif")
    content = source.read_bytes()
    transfer.begin()
    transfer.wait(6)
    assert transfer.bench.states() == {"a_b": "settling"}
    transfer.wait(12)
    row = transfer.bench.row("a_b")
    assert (row["state"], row["grid_square"], row["frames"]) == ("queued", "7", 4)
    assert Path(row["raw_path"]).read_bytes() == content
    assert row["transferred_at"] and row["seconds_transfer"] is not None
    assert source.exists() is (mode != "move")
    file = transfer.files()["GridSquare_7/a b.tif"]
    assert (file["state"], file["delivered_mode"]) == ("done", mode)
    if mode in ("copy", "move"):
        assert file["xxh128"] == xxhash.xxh3_128_hexdigest(content)
        line = f"{file['xxh128']}  GridSquare_7/a b.tif\n"
        assert transfer.raw("checksums.xxh128").read_text() == line
    assert [entry.movie for entry in manifest.read(transfer.bench.folder.path)] == ["a_b"]
    assert "preprocess" in transfer.bench.nudged
    transfer.wait(100)
    assert transfer.in_raw() == ([] if mode == "in_place" else ["GridSquare_7/a b.tif"])


def test_equal_names_in_two_folders_never_collide(make: Callable[..., Transfer]) -> None:
    transfer = make()
    transfer.movie("GridSquare_1/a.tif", value=1)
    transfer.movie("GridSquare_2/a.tif", value=2)
    transfer.movie("A.tif", value=3)
    transfer.begin()
    transfer.wait(18)
    assert set(transfer.bench.states().values()) == {"queued"}
    assert len(transfer.bench.states()) == 3
    assert transfer.in_raw() == ["A.tif", "GridSquare_1/a.tif", "GridSquare_2/a.tif"]
    assert (
        transfer.raw("GridSquare_2/a.tif").read_bytes()
        == (transfer.source / "GridSquare_2/a.tif").read_bytes()
    )


def test_a_growing_file_waits_and_an_empty_one_fails_with_the_reason(make: Callable[..., Transfer]) -> None:
    transfer = make(give_up_s=60)
    whole = transfer.movie("a.tif").read_bytes()
    (transfer.source / "a.tif").write_bytes(whole[:100])
    (transfer.source / "empty.tif").write_bytes(b"")
    transfer.begin()
    transfer.wait(30)
    assert transfer.bench.states() == {"a": "settling", "empty": "settling"}
    (transfer.source / "a.tif").write_bytes(whole)
    transfer.wait(60)
    assert transfer.bench.states() == {"a": "queued", "empty": "failed"}
    assert "empty" in transfer.bench.row("empty")["reason"]
    assert transfer.bench.row("empty")["failed_stage"] == "transfer"


def test_a_movie_with_fewer_frames_than_the_others_is_held(make: Callable[..., Transfer]) -> None:
    transfer = make(give_up_s=60)
    transfer.movie("a.tif")
    transfer.begin()
    transfer.wait(18)
    transfer.movie("b.tif", frames=3)
    transfer.wait(90)
    assert transfer.bench.row("b")["state"] == "failed"
    assert transfer.bench.row("b")["reason"] == "b.tif: truncated: 3 of 4 frames"
    transfer.movie("b.tif")
    transfer.wait(48)
    assert transfer.bench.row("b")["state"] == "queued"


def test_after_a_crash_at_any_moment_nothing_is_lost_and_nothing_done_twice(
    make: Callable[..., Transfer],
) -> None:
    transfer = make()
    for mode in ("copy", "move"):
        transfer.bench.save_settings(transfer_mode=mode)
        for number in range(4):
            transfer.movie(f"{mode}{number}.tif", value=number)
        transfer.new_server()
        transfer.begin()
        for step in range(14):
            # The server dies with files in flight: what threads finish is heard by nobody.
            transfer.bench.clock.now += 3.0
            transfer.body.step()
            if step % 3 == 2:
                transfer.new_server()
                transfer.begin()
            else:
                transfer.settle()
        transfer.wait(30)
        names = [f"{mode}{number}" for number in range(4)]
        assert {transfer.bench.row(name)["state"] for name in names} == {"queued"}
        assert [(transfer.source / f"{name}.tif").exists() for name in names] == [mode == "copy"] * 4
    assert transfer.in_raw() == sorted(
        f"{mode}{number}.tif" for mode in ("copy", "move") for number in range(4)
    )
    assert len(transfer.bench.states()) == 8


def test_full_disk_pauses_and_goes_on(make: Callable[..., Transfer], monkeypatch: pytest.MonkeyPatch) -> None:
    transfer = make()
    transfer.movie("a.tif")
    transfer.begin()
    original = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: original(path)._replace(free=10))
    with pytest.raises(BlockedError, match="min_free_gb"):
        transfer.wait(30)
    assert "min_free_gb" in transfer.body.blocked()
    monkeypatch.undo()
    assert transfer.body.blocked() == ""
    transfer.wait(18)
    assert transfer.bench.row("a")["state"] == "queued"


def test_a_lower_reserve_lets_a_paused_transfer_go_on(
    make: Callable[..., Transfer], monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer = make()
    transfer.movie("a.tif")
    original = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: original(path)._replace(free=8_000_000_000))
    transfer.bench.save_settings(min_free_gb=50.0)
    transfer.begin()
    with pytest.raises(BlockedError, match="reserve of 50 GB"):
        transfer.wait(30)
    assert "reserve of 50 GB" in transfer.body.blocked()
    transfer.bench.save_settings(min_free_gb=1.0)
    assert transfer.body.blocked() == ""
    transfer.wait(18)
    assert transfer.bench.row("a")["state"] == "queued"


def test_a_vanished_share_pauses_and_goes_on(make: Callable[..., Transfer]) -> None:
    transfer = make()
    transfer.movie("a.tif")
    transfer.begin()
    transfer.wait(6)
    away = transfer.source.with_name("away")
    transfer.source.rename(away)
    with pytest.raises(BlockedError, match="is the share mounted"):
        transfer.wait(30)
    assert "is the share mounted" in transfer.body.blocked()
    assert transfer.bench.states() == {"a": "settling"}, "nothing is lost"
    away.rename(transfer.source)
    assert transfer.body.blocked() == ""
    transfer.wait(18)
    assert transfer.bench.row("a")["state"] == "queued"


def test_a_share_that_vanishes_under_a_file_fails_nothing(
    make: Callable[..., Transfer], monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer = make()
    transfer.movie("a.tif")
    away = transfer.source.with_name("away")
    original = check_complete

    def vanish(path: Path) -> Completeness:
        transfer.source.rename(away)
        return original(path)

    monkeypatch.setattr("frazil.tracks.transfer.job.check_complete", vanish)
    transfer.begin()
    with pytest.raises(BlockedError, match="is the share mounted"):
        transfer.wait(30)
    monkeypatch.undo()
    assert transfer.bench.states() == {"a": "waiting"}
    away.rename(transfer.source)
    assert transfer.body.blocked() == ""
    transfer.wait(30)
    assert transfer.bench.states() == {"a": "queued"}


def test_what_was_delivered_is_never_taken_for_a_source(
    make: Callable[..., Transfer], tmp_path: Path
) -> None:
    second = tmp_path / "source" / "copies"
    second.mkdir(parents=True)
    transfer = make(extra_destinations=(str(second),))
    transfer.movie("a.tif")
    transfer.begin()
    transfer.wait(60)
    assert transfer.bench.states() == {"a": "queued"}
    transfer.bench.save_settings(source_path=str(transfer.bench.folder.path / "raw"))
    with pytest.raises(BlockedError, match="lies in the session folder"):
        transfer.begin()


def test_extra_files_follow_and_tell_about_the_movie(make: Callable[..., Transfer]) -> None:
    transfer = make()
    stem = "GridSquare_1/Data/FoilHole_7_Data_8_9_20230919_154056"
    transfer.movie(f"{stem}_Fractions.tiff")
    transfer.begin()
    transfer.wait(18)
    assert transfer.bench.states() == {"FoilHole_7_Data_8_9_20230919_154056_Fractions": "queued"}
    (transfer.source / f"{stem}.xml").write_text(EPU.format(voltage=200_000))
    (transfer.source / "GridSquare_1/Data/other.xml").write_text("<a/>")
    transfer.wait(18)
    row = transfer.bench.row("FoilHole_7_Data_8_9_20230919_154056_Fractions")
    assert (row["stage_x_um"], row["stage_y_um"]) == pytest.approx((1.0, 2.0))
    assert row["dose_per_movie_e_per_a2"] == pytest.approx(40.0)
    assert (row["foil_hole"], row["shot"]) == ("7", "8")
    assert transfer.in_raw() == [f"{stem}.xml", f"{stem}_Fractions.tiff"]
    log = (transfer.bench.folder.path / "logs" / "track.jsonl").read_text()
    assert "voltage_kv is 200 kV by EPU, 300 kV in the settings" in log


def test_side_files_in_a_second_tree(make: Callable[..., Transfer], tmp_path: Path) -> None:
    metadata = tmp_path / "metadata" / "GridSquare_1" / "Data"
    metadata.mkdir(parents=True)
    transfer = make(metadata_path=str(tmp_path / "metadata"), require_sidecar=".xml", sidecar_grace_s=3600)
    transfer.movie("GridSquare_1/Data/FoilHole_7_Data_8_9_20230919_154056_EER.tif")
    transfer.begin()
    transfer.wait(60)
    assert set(transfer.bench.states().values()) == {"settling"}, "it waits for its side file"
    (metadata / "FoilHole_7_Data_8_9_20230919_154056.xml").write_text(EPU.format(voltage=300_000))
    transfer.wait(60)
    row = transfer.bench.row("FoilHole_7_Data_8_9_20230919_154056_EER")
    assert (row["state"], row["stage_x_um"]) == ("queued", pytest.approx(1.0))
    assert "GridSquare_1/Data/FoilHole_7_Data_8_9_20230919_154056.xml" in transfer.in_raw()


def test_reference_named_by_an_mdoc_is_taken_along_once(make: Callable[..., Transfer]) -> None:
    transfer = make()
    (transfer.source / "SuperRef.dm4").write_bytes(b"gain")
    for name in ("a", "b"):
        transfer.movie(f"{name}.tif")
        mdoc = "T = SerialEM\n[FrameSet = 0]\nGainReference = SuperRef.dm4\nMultishotHoleAndPosition = 1-2\n"
        (transfer.source / f"{name}.tif.mdoc").write_text(mdoc)
    transfer.begin()
    transfer.wait(40)
    assert transfer.in_raw() == ["SuperRef.dm4", "a.tif", "a.tif.mdoc", "b.tif", "b.tif.mdoc"]
    assert [transfer.bench.row(name)["optics_group"] for name in ("a", "b")] == [1, 1]
    assert transfer.bench.row("a")["shot"] == "1-2"


def test_optics_groups_of_afis_are_numbered_when_clusters_show(make: Callable[..., Transfer]) -> None:
    transfer = make(transfer_mode="link", transfer_streams=8)
    for number in range(16):
        stem = f"FoilHole_{number}_Data_8_9_20230919_1540{number:02d}"
        transfer.movie(f"{stem}_Fractions.tiff")
        text = EPU.format(voltage=300_000).replace("<_x>0.1", f"<_x>{0.1 * (number % 2) + 0.0001 * number}")
        (transfer.source / f"{stem}.xml").write_text(text)
    transfer.begin()
    transfer.wait(60)
    groups = {
        number: transfer.bench.row(f"FoilHole_{number}_Data_8_9_20230919_1540{number:02d}_Fractions")[
            "optics_group"
        ]
        for number in range(16)
    }
    assert {groups[number] for number in range(0, 16, 2)} != {groups[number] for number in range(1, 16, 2)}
    assert set(groups.values()) == {1, 2}


def test_changed_source_is_told_and_replaced_or_kept_as_the_user_says(make: Callable[..., Transfer]) -> None:
    transfer = make()
    for name in ("a.tif", "b.tif"):
        transfer.movie(name)
    transfer.begin()
    transfer.wait(18)
    new = transfer.movie("a.tif", value=9).read_bytes()
    old = transfer.raw("b.tif").read_bytes()
    transfer.movie("b.tif", value=9)
    transfer.wait(40)
    assert transfer.file_states() == {"a.tif": "changed", "b.tif": "changed"}
    assert "changed" in transfer.bench.row("a")["reason"]
    assert transfer.raw("a.tif").read_bytes() != new, "nothing is overwritten by itself"
    transfer.bench.change("a", state="done", settings_revision=1)
    transfer.mail.put(ReplaceFile("a.tif"))
    transfer.mail.put(KeepFile("b.tif"))
    for _ in range(2):
        transfer.body.receive(transfer.mail.get())
    transfer.wait(40)
    assert transfer.file_states() == {"a.tif": "done", "b.tif": "done"}
    assert transfer.raw("a.tif").read_bytes() == new
    assert transfer.raw("b.tif").read_bytes() == old
    assert transfer.bench.row("a")["state"] == "queued", "the new version is processed"


def in_flight(transfer: Transfer) -> None:
    """Let a movie begin that would take hours."""
    transfer.movie("a.tif", size=10)
    transfer.begin()
    while not transfer.body.in_flight:
        transfer.bench.clock.now += 3.0
        transfer.body.step()
        if not transfer.body.in_flight:
            transfer.settle()


def test_stop_gives_back_what_would_take_long(make: Callable[..., Transfer]) -> None:
    transfer = make(bandwidth_limit_mb_s=0.00001)
    in_flight(transfer)
    transfer.bench.clock.now += 100.0
    transfer.body.drain()
    transfer.settle()
    assert transfer.bench.states() == {"a": "waiting"}
    assert transfer.in_raw() == []
    assert transfer.body.grace_s <= 30


def test_stop_now_waits_for_nobody(make: Callable[..., Transfer]) -> None:
    transfer = make(bandwidth_limit_mb_s=0.00001)
    in_flight(transfer)
    transfer.body.kill()
    assert transfer.body.in_flight == 0
    assert transfer.bench.states() == {"a": "waiting"}


def test_a_share_that_hangs_holds_nobody_up(
    make: Callable[..., Transfer], monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer = make()
    answers = threading.Event()
    original = check_complete

    def hang(path: Path) -> Completeness:
        answers.wait(20)
        return original(path)

    monkeypatch.setattr("frazil.tracks.transfer.job.check_complete", hang)
    in_flight(transfer)
    flight = transfer.body._run.fleet.flights[0] if transfer.body._run is not None else None
    transfer.body.kill()
    assert transfer.body.in_flight == 0
    transfer.begin()
    answers.set()
    transfer.body.receive(transfer.mail.get(timeout=10))
    assert flight is not None and flight.cancelled.is_set()
    transfer.wait(18)
    assert transfer.bench.row("a")["state"] == "queued"
    assert transfer.in_raw() == ["a.tif"]


def test_a_look_that_hangs_pauses_and_another_one_goes_on(
    make: Callable[..., Transfer], monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer = make()
    transfer.movie("a.tif")
    answers = threading.Event()
    original = SourceTree.look

    def hang(tree: SourceTree, asked: Collection[str] = ()) -> Look:
        answers.wait(20)
        return original(tree, asked)

    monkeypatch.setattr(SourceTree, "look", hang)
    transfer.begin()
    transfer.body.step()
    transfer.bench.clock.now += 200.0
    transfer.body.step()
    with pytest.raises(BlockedError, match="does not answer"):
        transfer.body.step()
    answers.set()
    assert transfer.body.blocked() == ""
    transfer.wait(18)
    assert transfer.bench.states() == {"a": "queued"}


def test_trouble_that_nobody_thought_of_fails_one_file_only(
    make: Callable[..., Transfer], monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer = make()
    transfer.movie("a.tif")
    transfer.movie("b.tif")
    original = check_complete

    def break_down(path: Path) -> Completeness:
        if path.name == "a.tif":
            raise ZeroDivisionError("nobody thought of it")
        return original(path)

    monkeypatch.setattr("frazil.tracks.transfer.job.check_complete", break_down)
    transfer.begin()
    transfer.wait(18)
    assert transfer.bench.states() == {"a": "failed", "b": "queued"}
    assert "internal error: ZeroDivisionError" in transfer.bench.row("a")["reason"]
    assert "Traceback" in (transfer.bench.folder.path / "logs" / "track.jsonl").read_text()


def test_a_catalogue_that_is_busy_forgets_nothing(
    make: Callable[..., Transfer], monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer = make()
    transfer.movie("a.tif")
    transfer.begin()
    transfer.wait(6)
    original = Catalogue.write

    def busy(_: Catalogue) -> object:
        raise PassingError("the catalogue can't be used now: locked")

    monkeypatch.setattr(Catalogue, "write", busy)
    with pytest.raises(PassingError, match="locked"):
        transfer.wait(30)
    monkeypatch.setattr(Catalogue, "write", original)
    transfer.settle()
    transfer.wait(18)
    assert transfer.bench.states() == {"a": "queued"}
    assert len(list(manifest.read(transfer.bench.folder.path))) >= 1


def test_details_say_what_is_going_on(make: Callable[..., Transfer]) -> None:
    transfer = make(bandwidth_limit_mb_s=0.00001)
    (transfer.source / "x_gain.tif").write_bytes(b"gain")
    in_flight(transfer)
    details = transfer.body.details
    assert [file["path"] for file in details["files"]] == ["a.tif"]
    assert details["states"] == {"transferring": 1}
    assert details["behind_bytes"] == (transfer.source / "a.tif").stat().st_size
    assert details["ignored"] == {"is ignored as *_gain*": 1}


def test_restart_finds_what_is_missing_or_damaged_and_tries_failures_again(
    make: Callable[..., Transfer],
) -> None:
    transfer = make(verify_on_restart=True)
    for name in ("a.tif", "b.tif", "c.tif"):
        transfer.movie(name)
    (transfer.source / "d.tif").mkdir()
    transfer.begin()
    transfer.wait(18)
    content = transfer.raw("a.tif").read_bytes()
    transfer.raw("a.tif").unlink()
    transfer.raw("b.tif").write_bytes(content[:-1] + b"!")
    transfer.begin(anew=True)
    run = transfer.body._run
    assert run is not None
    while "b.tif" not in run._machine.unsettled:
        transfer.body.step()
        transfer.body.receive(transfer.mail.get(timeout=10))
    transfer.settle()
    transfer.wait(30)
    assert transfer.raw("a.tif").read_bytes() == content
    assert transfer.raw("b.tif").read_bytes() == (transfer.source / "b.tif").read_bytes()
    assert set(transfer.file_states().values()) == {"done"}
    assert len(transfer.bench.states()) == 3


def test_clear_removes_what_can_be_delivered_again_and_nothing_else(make: Callable[..., Transfer]) -> None:
    transfer = make()
    for name in ("copied.tif", "changed.tif", "gone.tif", "results.tif"):
        transfer.movie(name)
    transfer.begin()
    transfer.wait(18)
    transfer.bench.save_settings(transfer_mode="move")
    transfer.begin()
    transfer.movie("moved.tif")
    transfer.wait(18)
    transfer.raw("mine.txt").write_text("mine")
    transfer.movie("changed.tif", value=5)
    (transfer.source / "gone.tif").unlink()
    transfer.bench.change("results", state="done", settings_revision=1)
    transfer.body.kill()
    transfer.body.clear()
    assert transfer.in_raw() == ["changed.tif", "gone.tif", "mine.txt", "moved.tif"]
    assert transfer.bench.row("results")["state"] == "done"
    assert transfer.bench.row("results")["raw_path"] is None
    assert "copied" not in transfer.bench.states()
    assert (transfer.source / "copied.tif").exists()
    transfer.begin()
    transfer.wait(18)
    assert transfer.bench.row("results")["raw_path"] == str(transfer.raw("results.tif"))
    assert transfer.bench.row("results")["state"] == "done", "it keeps its results"
    assert transfer.bench.row("copied")["state"] == "queued"


def test_failures_are_named_and_tried_again_when_asked(make: Callable[..., Transfer]) -> None:
    transfer = make()
    transfer.movie("a.tif")
    transfer.raw("a.tif").write_bytes(b"somebody else's")
    transfer.begin()
    transfer.wait(18)
    assert transfer.bench.row("a")["state"] == "failed"
    assert "not overwritten" in transfer.bench.row("a")["reason"]
    transfer.raw("a.tif").unlink()
    transfer.body.receive(RetryFiles(("a.tif",)))
    transfer.wait(18)
    assert transfer.bench.row("a")["state"] == "queued"


def test_a_link_that_leads_outside_the_roots_is_refused(
    make: Callable[..., Transfer], tmp_path: Path
) -> None:
    transfer = make()
    secret = tmp_path / "secret.tif"
    transfer.movie("b.tif").rename(secret)
    (transfer.source / "a.tif").symlink_to(secret)
    transfer.allowed = lambda path: path.resolve().is_relative_to(transfer.source)
    transfer.begin()
    transfer.wait(18)
    assert "outside the folders" in transfer.bench.row("a")["reason"]
    assert transfer.in_raw() == []
    transfer.bench.save_settings(source_path=str(tmp_path))
    with pytest.raises(BlockedError, match="outside the folders"):
        transfer.begin()


def test_odd_names_are_delivered_under_names_that_all_programs_read(make: Callable[..., Transfer]) -> None:
    transfer = make()
    whole = transfer.movie("a.tif").read_bytes()
    for name in (b"new\nline.tif", b"\xff\xfe.tif", "ü.tif".encode(), b"back\\slash.tif"):
        Path(os.fsdecode(os.fsencode(transfer.source) + b"/" + name)).write_bytes(whole)
    transfer.begin()
    transfer.wait(18)
    assert len(transfer.bench.states()) == 5
    assert set(transfer.bench.states().values()) == {"queued"}
    names = transfer.in_raw()
    assert len(names) == 5
    assert all(name.isprintable() and "\\" not in name for name in names)
    transfer.new_server()
    transfer.begin()
    transfer.wait(18)
    assert len(transfer.bench.states()) == 5, "they are known again after a restart"


def test_second_copies(make: Callable[..., Transfer], tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    transfer = make(extra_destinations=(str(second),), transfer_mode="link")
    whole = transfer.movie("g/a.tif").read_bytes()
    transfer.begin()
    transfer.wait(18)
    assert (second / "g" / "a.tif").read_bytes() == whole
    assert not (second / "g" / "a.tif").is_symlink()
    assert transfer.raw("g/a.tif").is_symlink()


def test_integer_mrc_is_compressed(make: Callable[..., Transfer]) -> None:
    transfer = make(movie_compression="tiff", transfer_mode="move")
    write_mrc(transfer.source / "a.mrc", COUNTS.astype(np.int16), 1.0, depth="stored")
    transfer.begin()
    transfer.wait(18)
    assert transfer.in_raw() == ["a.tif"]
    assert transfer.bench.row("a")["raw_path"] == str(transfer.raw("a.tif"))
    np.testing.assert_array_equal(tifffile.imread(transfer.raw("a.tif"))[:, ::-1], COUNTS)
    assert not (transfer.source / "a.mrc").exists()


def test_another_source_keeps_names_apart(make: Callable[..., Transfer], tmp_path: Path) -> None:
    transfer = make()
    transfer.movie("a.tif", value=1)
    transfer.begin()
    transfer.wait(18)
    transfer.source = tmp_path / "second day"
    transfer.movie("a.tif", value=2)
    transfer.bench.save_settings(source_path=str(transfer.source))
    transfer.wait(30)
    assert sorted(transfer.file_states()) == ["a.tif", "source2/a.tif"]
    assert len(transfer.bench.states()) == 2
    assert transfer.raw("source2/a.tif").read_bytes() == (transfer.source / "a.tif").read_bytes()
    with transfer.bench.catalogue.read() as connection:
        memory = tracks.get(connection, transfer.bench.session_id, "transfer").memory
    assert memory["locations"] == [str(tmp_path / "source"), str(transfer.source)]


def test_settings_that_are_missing_are_named(make: Callable[..., Transfer]) -> None:
    transfer = make(source_path=None)
    with pytest.raises(BlockedError, match="set source_path"):
        transfer.begin()
    assert "set source_path" in transfer.body.blocked()


def test_product_names_never_collide() -> None:
    names = ProductNames({"a"})
    given = [
        names.assign(path)
        for path in ("x/b.tif", "y/b.tif", "y/b.mrc", "a.tif", "x/A.tif", "gain.mrc", "x/gain.mrc")
    ]
    assert given[:3] == ["b", "y_b", "y_b_2"]
    assert len({name.lower() for name in given} | {"a", "gain"}) == len(given) + 2


@pytest.mark.parametrize("name", [b"plain.tif", b"\xff", b"a\\b", b"\\xff", b"\\\\x41", "ü\n".encode()])
def test_stored_names_lead_back(name: bytes) -> None:
    path = os.fsdecode(name)
    stored = storable(path)
    stored.encode("utf-8")
    assert from_storable(stored) == path
    assert str(raw_path(path)).isprintable()
