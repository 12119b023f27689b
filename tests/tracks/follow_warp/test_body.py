"""Follow Warp beside a Warp that appends, replaces, half-writes, and deletes before it renames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tests.tracks.harness import Bench, make_bench

from frazil.formats.mrc import read_mrc
from frazil.formats.warp_settings import NO_PARTICLES
from frazil.microscope.warp_output import WarpOutput, WarpParticles
from frazil.model.redo import run_token
from frazil.store.catalogue import filters, particle_changes, revisions
from frazil.tracks.follow_warp import FollowWarpBody
from frazil.tracks.runner import BlockedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from frazil.model.settings import Settings


def some(movie: int, count: int = 5, *, box: int = 48, version: int = 0) -> WarpParticles:
    """Particles whose pixels and defocus say whose they are: 1000 movie + 100 version + place."""
    who = 1000.0 * movie + 100.0 * version + np.arange(count, dtype=np.float64)
    return WarpParticles(
        images=np.broadcast_to(who[:, None, None], (count, box, box)).astype(np.float32),
        x_px=10.0 + who,
        y_px=20.0 + who,
        defocus_u_a=who + 10_000.0,
        defocus_v_a=who + 9_000.0,
        astigmatism_angle_deg=np.full(count, 30.0),
    )


@pytest.fixture
def warp(tmp_path: Path) -> WarpOutput:
    made = WarpOutput(tmp_path / "warp")
    made.save_settings()
    return made


@pytest.fixture
def bench(tmp_path: Path, warp: WarpOutput) -> Iterator[Bench]:
    made = make_bench(
        tmp_path,
        kind="warp",
        warp_folder=str(warp.folder),
        pixel_size_a=None,
        voltage_kv=None,
        dose_per_movie_e_per_a2=None,
        particle_diameter_min_a=None,
    )
    yield made
    made.close()


def begun(bench: Bench, *, anew: bool = False) -> FollowWarpBody:
    body = FollowWarpBody(bench.context())
    body.begin(anew=anew)
    return body


def follow(bench: Bench, body: FollowWarpBody, looks: int = 3) -> None:
    for _ in range(looks):
        bench.clock.now += 3.0
        while body.step() == 0.0:
            pass


def particles(bench: Bench) -> dict[str, list[tuple[float, float]]]:
    """Of each movie with particles: of each, what its image and its defocus say that it is."""
    with bench.catalogue.read() as connection:
        rows = particle_changes.since(connection, bench.session_id, 0)
    result = {}
    for row in rows:
        if row.token is None:
            continue
        table = pq.read_table(bench.folder.path / "particles" / f"{row.name}.parquet")
        stack = read_mrc(bench.folder.path / "particles" / f"{row.name}.mrcs").data
        index = table.column("stack_index").to_numpy()
        defocus = table.column("defocus_u_a").to_numpy() - 10_000.0
        assert row.particles == len(index)
        result[row.name] = [(float(stack[i].mean()), float(d)) for i, d in zip(index, defocus, strict=True)]
    return result


def expected(movie: int, count: int = 5, version: int = 0) -> list[tuple[float, float]]:
    who = [1000.0 * movie + 100.0 * version + i for i in range(count)]
    return [(value, value) for value in who]


def newest(bench: Bench) -> Settings:
    with bench.catalogue.read() as connection:
        return revisions.newest(connection, bench.session_id).settings()


def test_movies_ctf_and_particles_are_taken_in(bench: Bench, warp: WarpOutput) -> None:
    for movie in (1, 2):
        warp.process(f"m{movie}", some(movie))
    warp.write_xml("m3")
    body = begun(bench)
    follow(bench, body)
    assert particles(bench) == {"m1": expected(1), "m2": expected(2)}
    assert set(bench.states().values()) == {"done"}
    row = bench.row("m1")
    assert row["defocus_u_a"] == pytest.approx(11_002.0)
    assert row["defocus_v_a"] == pytest.approx(10_002.0)
    assert (row["ctf_resolution_a"], row["particles"], row["frames"]) == (4.5, 5, 40)
    assert row["dose_per_movie_e_per_a2"] == 40.0
    assert row["contaminated_fraction"] == pytest.approx(0.025)
    assert bench.row("m3")["particles"] is None
    pictures = [Image.open(bench.folder.path / "pictures" / f"m{n}.thumbnail.jpg") for n in (1, 3)]
    assert [picture.getextrema()[0] == picture.getextrema()[1] for picture in pictures] == [False, True]
    assert bench.row("m3")["defocus_mean_a"] == pytest.approx(12_000.0)
    assert "classify2d" in bench.nudged


@pytest.mark.usefixtures("warp")
def test_settings_come_from_warp(bench: Bench) -> None:
    follow(bench, begun(bench))
    settings = newest(bench)
    assert settings.image_data.neural_net == "BoxNet2Mask_20180918"
    assert (settings.detection.box_size_px, settings.detection.pick_threshold) == (48, 0.95)
    assert settings.detection.particle_pixel_size_a == 2.0
    assert (settings.microscope.pixel_size_a, settings.microscope.voltage_kv) == (1.0, 300.0)
    with bench.catalogue.read() as connection:
        assert revisions.newest(connection, bench.session_id).saved_by == "Warp"
        assert [row["name"] for row in filters.listed(connection, bench.session_id)] == ["Warp's filters"]


def test_what_is_appended_is_added_and_nothing_else_moves(bench: Bench, warp: WarpOutput) -> None:
    warp.process("m1", some(1))
    body = begun(bench)
    follow(bench, body)
    change = bench.row("m1")["particles_change"]
    revision = newest(bench)
    for movie in range(2, 6):
        warp.process(f"m{movie}", some(movie))
        follow(bench, body)
    assert particles(bench) == {f"m{movie}": expected(movie) for movie in range(1, 6)}
    assert bench.row("m1")["particles_change"] == change
    assert newest(bench) == revision


def test_a_stack_written_anew_never_meets_the_old_ctf(bench: Bench, warp: WarpOutput) -> None:
    for movie in (1, 2):
        warp.process(f"m{movie}", some(movie))
    body = begun(bench)
    follow(bench, body)
    other = bench.row("m2")["particles_change"]
    again = some(1, 7, version=1)
    warp.write_stack("m1", again)
    follow(bench, body, 1)
    assert particles(bench) == {"m2": expected(2)}
    assert bench.row("m1")["state"] == "processing"
    assert "lists 5" in bench.row("m1")["reason"] or "just now" in bench.row("m1")["reason"]
    follow(bench, body)
    assert particles(bench) == {"m2": expected(2)}
    warp.set_rows("m1", again)
    warp.write_tables()
    follow(bench, body)
    assert particles(bench) == {"m1": expected(1, 7, version=1), "m2": expected(2)}
    assert bench.row("m2")["particles_change"] == other


def test_a_better_ctf_of_the_same_images_keeps_their_lineage(bench: Bench, warp: WarpOutput) -> None:
    warp.process("m1", some(1))
    body = begun(bench)
    follow(bench, body)
    path = bench.folder.path / "particles" / "m1.parquet"
    before = pq.read_schema(path).metadata[b"lineage"]
    token = bench.row("m1")["particles_token"]
    warp.set_rows("m1", some(1, version=1))
    warp.write_tables()
    follow(bench, body)
    assert pq.read_schema(path).metadata[b"lineage"] == before
    assert bench.row("m1")["particles_token"] != token
    assert [defocus for _, defocus in particles(bench)["m1"]] == [1100.0 + i for i in range(5)]


def test_a_table_that_is_away_for_a_moment_withdraws_nothing(bench: Bench, warp: WarpOutput) -> None:
    warp.process("m1", some(1))
    body = begun(bench)
    follow(bench, body)
    text = warp.table_path().read_text()
    warp.table_path().unlink()
    # A table of another network must not take its place.
    (warp.folder / "allparticles_Other.star").write_text(text.replace("m1", "x1"))
    follow(bench, body, 8)
    assert particles(bench) == {"m1": expected(1)}
    assert body.details["failures"] == ""
    follow(bench, body, 8)
    assert "is gone" in body.details["failures"]
    assert particles(bench) == {"m1": expected(1)}
    warp.write_tables()
    follow(bench, body)
    assert body.details["failures"] == ""
    assert particles(bench) == {"m1": expected(1)}


def test_half_written_tables_lose_no_particle(bench: Bench, warp: WarpOutput) -> None:
    for movie in range(1, 6):
        warp.process(f"m{movie}", some(movie))
    body = begun(bench)
    follow(bench, body)
    whole = warp.table_path().read_bytes()
    for share in (0.3, 0.55, 0.7, 0.9, 0.97):
        warp.table_path().write_bytes(whole[: int(share * len(whole))])
        follow(bench, body, 1)
        for name, found in particles(bench).items():
            assert found == expected(int(name[1:]))
        warp.table_path().write_bytes(whole)
        follow(bench, body)
        assert particles(bench) == {f"m{movie}": expected(movie) for movie in range(1, 6)}


def test_a_half_written_stack_is_waited_for_then_set_aside(bench: Bench, warp: WarpOutput) -> None:
    warp.process("m1", some(1))
    warp.process("m2", some(2))
    whole = warp.stack_path("m2").read_bytes()
    warp.stack_path("m2").write_bytes(whole[: len(whole) // 2])
    body = begun(bench)
    follow(bench, body, 20)
    assert particles(bench) == {"m1": expected(1)}
    assert bench.row("m2")["state"] == "processing"
    follow(bench, body, 30)
    assert bench.row("m2")["state"] == "failed"
    assert "truncated" in bench.row("m2")["reason"]
    number = bench.row("m2")["settings_revision"]
    follow(bench, body)
    assert bench.row("m2")["settings_revision"] == number
    warp.stack_path("m2").write_bytes(whole)
    follow(bench, body)
    assert particles(bench) == {"m1": expected(1), "m2": expected(2)}
    assert bench.row("m2")["state"] == "done"


def test_a_growing_stack_is_never_used(bench: Bench, warp: WarpOutput) -> None:
    warp.process("m1", some(1))
    whole = warp.stack_path("m1").read_bytes()
    body = begun(bench)
    for count in range(1, 5):
        warp.stack_path("m1").write_bytes(whole[: 1024 + count * 48 * 48 * 4])
        follow(bench, body, 1)
        assert particles(bench) == {}
    warp.stack_path("m1").write_bytes(whole)
    follow(bench, body)
    assert particles(bench) == {"m1": expected(1)}


def test_half_written_xml_and_settings_change_nothing(bench: Bench, warp: WarpOutput) -> None:
    warp.process("m1", some(1))
    body = begun(bench)
    follow(bench, body)
    for path in (warp.folder / "m1.xml", warp.folder / "previous.settings"):
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        follow(bench, body)
        assert bench.row("m1")["defocus_u_a"] == pytest.approx(11_002.0)
        assert particles(bench) == {"m1": expected(1)}
        path.write_bytes(whole)
        follow(bench, body)
    warp.write_xml("m1", some(1, version=3))
    follow(bench, body)
    assert bench.row("m1")["defocus_u_a"] == pytest.approx(11_302.0)
    assert particles(bench) == {"m1": expected(1)}


def test_particles_that_leave_the_table_are_withdrawn(bench: Bench, warp: WarpOutput) -> None:
    bench.save_settings(warp_particles="good")
    warp.process("m1", some(1))
    warp.process("m2", some(2))
    body = begun(bench)
    follow(bench, body)
    assert set(particles(bench)) == {"m1", "m2"}
    warp.write_xml("m2", some(2), good=False)
    follow(bench, body)
    assert bench.row("m2")["reason_rejected"] == "outside Warp's filters"
    assert set(particles(bench)) == {"m1", "m2"}
    warp.write_tables()
    follow(bench, body, 5)
    assert set(particles(bench)) == {"m1", "m2"}
    follow(bench, body, 12)
    assert particles(bench) == {"m1": expected(1)}
    bench.save_settings(**{**_values(bench), "warp_particles": "all"})
    follow(bench, body)
    assert set(particles(bench)) == {"m1", "m2"}


def _values(bench: Bench) -> dict[str, Any]:
    with bench.catalogue.read() as connection:
        return dict(revisions.newest(connection, bench.session_id).values)


@pytest.mark.parametrize(
    "change", [{"threshold": 0.5}, {"model": "C:\\Models\\Other.pt"}, {"box_px": 64}, {"bin_times": 0.5}]
)
def test_a_change_in_warp_begins_another_data_set(
    bench: Bench, warp: WarpOutput, change: dict[str, object]
) -> None:
    warp.process("m1", some(1))
    warp.process("m2", some(2))
    body = begun(bench)
    follow(bench, body)
    before = newest(bench)
    warp.change(**change)
    follow(bench, body)
    after = newest(bench)
    assert run_token(after) != run_token(before)
    # Until Warp has processed a movie again, what it exported before is all there is of it.
    tokens = {name: _run_token_of(bench, name) for name in ("m1", "m2")}
    anew = {run_token(after)} if change == {"threshold": 0.5} else {run_token(before)}
    assert set(tokens.values()) == anew
    box = int(str(change.get("box_px", 48)))
    warp.process("m1", some(1, 4, box=box, version=2))
    follow(bench, body)
    assert particles(bench)["m1"] == expected(1, 4, version=2)
    assert _run_token_of(bench, "m1") == run_token(after)
    if "box_px" in change or "bin_times" in change:
        assert _run_token_of(bench, "m2") == run_token(before)


def _run_token_of(bench: Bench, name: str) -> str:
    with bench.catalogue.read() as connection:
        row = revisions.get(connection, bench.session_id, bench.row(name)["settings_revision"])
        return run_token(row.settings())


def test_the_diameter_alone_begins_no_data_set(bench: Bench, warp: WarpOutput) -> None:
    warp.process("m1", some(1))
    body = begun(bench)
    follow(bench, body)
    before, change = newest(bench), bench.row("m1")["particles_change"]
    warp.change(diameter_a=90.0)
    follow(bench, body)
    assert newest(bench).detection.particle_diameter_min_a == 90.0
    assert run_token(newest(bench)) == run_token(before)
    assert bench.row("m1")["particles_change"] == change


def test_a_restarted_track_goes_on_without_touching_what_is_there(bench: Bench, warp: WarpOutput) -> None:
    warp.process("m1", some(1))
    follow(bench, begun(bench))
    change = bench.row("m1")["particles_change"]
    warp.process("m2", some(2))
    body = begun(bench)
    follow(bench, body)
    assert bench.row("m1")["particles_change"] == change
    assert set(particles(bench)) == {"m1", "m2"}
    follow(bench, begun(bench, anew=True))
    assert bench.row("m1")["particles_change"] == change
    assert set(particles(bench)) == {"m1", "m2"}


def test_clear_empties_the_session_and_leaves_warp_alone(bench: Bench, warp: WarpOutput) -> None:
    warp.process("m1", some(1))
    body = begun(bench)
    follow(bench, body)
    files = {path: path.read_bytes() for path in warp.folder.rglob("*") if path.is_file()}
    body.clear()
    assert particles(bench) == {}
    assert bench.row("m1")["defocus_u_a"] is None
    assert {path: path.read_bytes() for path in warp.folder.rglob("*") if path.is_file()} == files
    follow(bench, begun(bench))
    assert particles(bench) == {"m1": expected(1)}


def test_what_is_missing_is_said(bench: Bench, warp: WarpOutput, tmp_path: Path) -> None:
    warp.change(export=False)
    body = begun(bench)
    follow(bench, body)
    assert body.details["failures"] == NO_PARTICLES
    (warp.folder / "previous.settings").unlink()
    body = begun(bench)
    with pytest.raises(BlockedError, match=r"holds no previous\.settings"):
        body.step()
    assert "previous.settings" in body.blocked()
    bench.save_settings(warp_folder=str(tmp_path / "nowhere"))
    with pytest.raises(BlockedError, match="nowhere"):
        begun(bench).step()


def test_a_retry_reads_a_movie_again(bench: Bench, warp: WarpOutput) -> None:
    warp.process("m1", some(1))
    body = begun(bench)
    follow(bench, body)
    (bench.folder.path / "particles" / "m1.parquet").unlink()
    bench.change("m1", state="queued")
    follow(bench, body)
    assert bench.row("m1")["state"] == "done"
    assert particles(bench) == {"m1": expected(1)}


def test_a_folder_that_was_moved_is_followed_without_taking_anything_in_anew(
    bench: Bench, warp: WarpOutput
) -> None:
    for movie in range(2):
        warp.process(f"m{movie}", some(movie))
    body = begun(bench)
    follow(bench, body)
    before = particles(bench)
    with bench.catalogue.read() as connection:
        known = particle_changes.since(connection, bench.session_id, 0)
    changed = max(entry.change for entry in known)
    moved = warp.folder.with_name("elsewhere")
    warp.folder.rename(moved)
    warp.folder = moved
    with pytest.raises(BlockedError):
        follow(bench, body)
    bench.save_settings(warp_folder=str(moved))
    assert body.blocked() == ""
    warp.process("m2", some(2))
    follow(bench, body)
    assert particles(bench) == {**before, "m2": particles(bench)["m2"]} and len(particles(bench)["m2"]) == 5
    with bench.catalogue.read() as connection:
        news = particle_changes.since(connection, bench.session_id, changed)
    assert [entry.number for entry in news] == [bench.row("m2")["number"]]
    assert bench.row("m0")["raw_path"] == str(moved / "m0.xml")
