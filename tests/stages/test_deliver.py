"""What is delivered is what was there, or nothing; no source is lost, no stranger's file overwritten."""

from __future__ import annotations

import errno
import os
import threading
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import xxhash

from frazil.formats.mrc import write_mrc
from frazil.model.errors import FrazilError, InputError, PassingError
from frazil.stages.bandwidth import Bandwidth
from frazil.stages.deliver import Delivered, Mode, Order, deliver, remove_source
from frazil.stages.deliver_compress import can_compress, deliver_compressed
from frazil.stages.deliver_copy import Form, Stream
from frazil.stages.deliver_errors import (
    Condition,
    DeliveryCancelledError,
    SourceChangedError,
    SourceVanishedError,
    TransferBlockedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

CONTENT = np.random.default_rng(1).bytes(3_000_000)


@pytest.fixture
def order(tmp_path: Path) -> Order:
    """A movie in ``source/GridSquare_1`` and an empty ``session/raw``."""
    source = tmp_path / "source" / "GridSquare_1" / "a b\nü.tif"
    source.parent.mkdir(parents=True)
    source.write_bytes(CONTENT)
    os.utime(source, ns=(1, 1_600_000_000_123_456_789))
    raw = tmp_path / "session" / "raw"
    raw.mkdir(parents=True)
    return Order(
        source=source,
        source_root=tmp_path / "source",
        form=Form.of(source.stat()),
        target_root=raw,
        relative=PurePosixPath("GridSquare_1") / source.name,
        mode="copy",
    )


def stream(**given: Any) -> Stream:
    defaults: dict[str, Any] = {
        "bandwidth": Bandwidth(),
        "cancelled": threading.Event(),
        "progress": lambda _: None,
    }
    return Stream(**(defaults | given))


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_copy_is_the_same_and_its_checksum_that_of_the_content(order: Order) -> None:
    moved: list[int] = []
    result = deliver(order, stream(progress=moved.append))
    assert result.path == order.target_root / order.relative
    assert result.path.read_bytes() == CONTENT
    assert result.checksum == xxhash.xxh3_128_hexdigest(CONTENT)
    assert (result.moved_bytes, sum(moved)) == (len(CONTENT), len(CONTENT))
    assert Form.of(result.path.stat()) == order.form
    assert files(order.target_root) == [str(order.relative)], "no temporary file is left"
    assert order.source.exists()


def test_link_is_relative_and_says_that_nothing_was_moved(order: Order) -> None:
    result = deliver(replace(order, mode="link"), stream())
    assert not result.path.readlink().is_absolute()
    assert result.path.samefile(order.source)
    assert (result.checksum, result.moved_bytes) == ("", 0)


def test_in_place_writes_nothing(order: Order) -> None:
    assert deliver(replace(order, mode="in_place"), stream()).path == order.source
    assert files(order.target_root) == []


@pytest.mark.parametrize("mode", ["link", "copy", "move", "in_place"])
def test_again_after_a_crash_gives_the_same(order: Order, mode: Mode) -> None:
    order = replace(order, mode=mode)
    first, second = deliver(order, stream()), deliver(order, stream())
    assert replace(second, moved_bytes=first.moved_bytes) == first
    assert second.moved_bytes == 0


def test_move_removes_the_source_only_when_told_that_the_ledger_knows(order: Order) -> None:
    order = replace(order, mode="move", reread=False)
    result = deliver(order, stream())
    assert order.source.exists()
    assert remove_source(order, result)
    assert not order.source.exists()
    assert result.path.read_bytes() == CONTENT
    assert not remove_source(order, result), "a second time there is nothing to do"


def test_move_never_removes_the_only_copy(order: Order) -> None:
    order = replace(order, mode="move")
    target = order.target_root / order.relative
    target.parent.mkdir()
    target.hardlink_to(order.source)
    result = deliver(order, stream())
    assert not remove_source(order, result), "the delivered file is the source under another name"
    target.unlink()
    target.symlink_to(order.source)
    assert not remove_source(order, Delivered(target, order.form, "", order.form.size, 0)), (
        "the delivered file is a link to it"
    )
    assert order.source.read_bytes() == CONTENT


def test_move_over_our_link_makes_a_real_file(order: Order) -> None:
    deliver(replace(order, mode="link"), stream())
    order = replace(order, mode="move")
    result = deliver(order, stream())
    assert not result.path.is_symlink()
    assert remove_source(order, result)
    assert result.path.read_bytes() == CONTENT


def test_source_that_changed_after_the_copy_stays(order: Order) -> None:
    order = replace(order, mode="move")
    result = deliver(order, stream())
    order.source.write_bytes(b"new")
    assert not remove_source(order, result)
    assert order.source.read_bytes() == b"new"


@pytest.mark.parametrize("mode", ["link", "copy", "move"])
def test_another_file_is_never_overwritten(order: Order, mode: Mode) -> None:
    target = order.target_root / order.relative
    target.parent.mkdir()
    for content in (b"other", bytes(len(CONTENT))):
        target.write_bytes(content)
        with pytest.raises(InputError, match="not overwritten"):
            deliver(replace(order, mode=mode), stream())
        assert target.read_bytes() == content
    target.unlink()
    target.symlink_to(order.target_root)
    with pytest.raises(InputError, match="not overwritten"):
        deliver(replace(order, mode=mode), stream())


def test_an_old_version_is_replaced_if_the_user_says_so(order: Order) -> None:
    deliver(order, stream())
    order.source.write_bytes(b"new version")
    order = replace(order, form=Form.of(order.source.stat()))
    with pytest.raises(InputError, match="not overwritten"):
        deliver(order, stream())
    assert deliver(replace(order, replaces=True), stream()).path.read_bytes() == b"new version"


@pytest.mark.parametrize("mode", ["link", "copy", "move", "in_place"])
def test_a_source_that_is_written_to_is_not_delivered(order: Order, mode: Mode) -> None:
    with order.source.open("ab") as file:
        file.write(b"more")
    with pytest.raises(SourceChangedError, match="being written"):
        deliver(replace(order, mode=mode), stream())
    assert files(order.target_root) == []


@pytest.mark.parametrize("how", ["append", "replace", "truncate"])
def test_a_source_that_changes_during_the_copy_is_thrown_away(order: Order, how: str) -> None:
    def disturb(_: int) -> None:
        if how == "append":
            order.source.write_bytes(CONTENT + b"more")
        elif how == "truncate":
            os.truncate(order.source, 2_000_000)
        else:
            other = order.source.with_name("other")
            other.write_bytes(CONTENT[::-1])
            os.utime(other, ns=(1, order.form.mtime_ns))
            other.replace(order.source)

    with pytest.raises(SourceChangedError):
        deliver(order, stream(progress=disturb))
    assert files(order.target_root) == []


def test_vanished_file_and_vanished_share_are_told_apart(order: Order) -> None:
    order.source.unlink()
    with pytest.raises(SourceVanishedError):
        deliver(order, stream())
    order.source_root.rename(order.source_root.with_name("unmounted"))
    with pytest.raises(TransferBlockedError, match="mounted") as caught:
        deliver(order, stream())
    assert caught.value.condition is Condition.SOURCE_GONE


@pytest.mark.parametrize(
    ("code", "condition"),
    [
        (errno.ENOSPC, Condition.NO_SPACE),
        (errno.EDQUOT, Condition.NO_SPACE),
        (errno.EROFS, Condition.DESTINATION_READ_ONLY),
        (errno.ESTALE, Condition.DESTINATION_GONE),
    ],
)
def test_trouble_of_the_destination_blocks_the_track(
    order: Order, monkeypatch: pytest.MonkeyPatch, code: int, condition: Condition
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("frazil.stages.deliver_copy.os.write", refuse)
    with pytest.raises(TransferBlockedError) as caught:
        deliver(order, stream())
    assert caught.value.condition is condition
    monkeypatch.undo()
    assert files(order.target_root) == []
    assert deliver(order, stream()).path.read_bytes() == CONTENT, "it goes on when the cause is gone"


def test_space_that_is_to_be_kept_free_is_kept(order: Order) -> None:
    with pytest.raises(TransferBlockedError, match="min_free_gb") as caught:
        deliver(replace(order, min_free_bytes=1 << 60), stream())
    assert caught.value.condition is Condition.NO_SPACE


def test_an_error_of_the_disk_is_found_by_reading_back(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    original = os.write

    def flip(descriptor: int, piece: memoryview) -> int:
        damaged = bytearray(piece)
        damaged[0] ^= 1
        return original(descriptor, damaged)

    monkeypatch.setattr("frazil.stages.deliver_copy.os.write", flip)
    with pytest.raises(PassingError, match="not what was read"):
        deliver(order, stream())
    assert files(order.target_root) == []
    with pytest.raises(PassingError, match="not what was read"):
        deliver(replace(order, mode="move", reread=False), stream())


@pytest.mark.parametrize("relative", ["../a.tif", "/etc/a.tif", "x/../../a.tif", ""])
def test_nothing_is_written_outside_the_session(order: Order, relative: str) -> None:
    with pytest.raises(InputError, match="is no path inside"):
        deliver(replace(order, relative=PurePosixPath(relative)), stream())


def test_links_in_the_way_are_not_followed(order: Order, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (order.target_root / "GridSquare_1").symlink_to(outside)
    with pytest.raises(InputError, match="is a link, not a folder"):
        deliver(order, stream())
    assert files(outside) == []


def test_folders_and_pipes_are_no_movies(order: Order) -> None:
    pipe = order.source.with_name("pipe.tif")
    os.mkfifo(pipe)
    for path in (pipe, order.source.parent):
        with pytest.raises(FrazilError, match="not a file"):
            deliver(replace(order, source=path, form=Form.of(path.stat())), stream())


def test_name_of_255_bytes(order: Order) -> None:
    long = order.source.with_name("x" * 251 + ".tif")
    order.source.rename(long)
    result = deliver(replace(order, source=long, relative=PurePosixPath(long.name)), stream())
    assert result.path.name == long.name


def test_cancelling_stops_within_a_second_also_below_a_tight_limit(order: Order) -> None:
    cancelled = threading.Event()
    first_piece = threading.Event()
    outcome: list[BaseException] = []

    def work() -> None:
        slow = stream(bandwidth=Bandwidth(0.01), cancelled=cancelled, progress=lambda _: first_piece.set())
        try:
            deliver(order, slow)
        except DeliveryCancelledError as error:
            outcome.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert first_piece.wait(10)
    cancelled.set()
    thread.join(10)
    assert len(outcome) == 1
    assert files(order.target_root) == []


def test_parallel_streams_share_the_limit() -> None:
    now = [0.0]
    bandwidth = Bandwidth(10, clock=lambda: now[0])
    waits = [bandwidth.reserve(1_000_000) for _ in range(50)]
    assert waits[-1] == pytest.approx(4.9, abs=0.2), "50 MB at 10 MB/s, less the first burst"
    now[0] = 100.0
    assert bandwidth.reserve(1_000_000) == 0.0, "unused time gives no credit for more than a burst"
    assert bandwidth.reserve(1_000_000) < 0.11
    bandwidth.set_limit(0)
    assert bandwidth.reserve(1 << 40) == 0.0


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16"])
def test_compressed_movie_has_the_same_counts_in_an_independent_reader(order: Order, dtype: str) -> None:
    counts = np.random.default_rng(2).poisson(3.0, (5, 40, 60)).astype(dtype)
    source = order.source.with_name("movie.mrc")
    write_mrc(source, counts, 1.0, depth="stored")
    order = replace(
        order, source=source, form=Form.of(source.stat()), relative=PurePosixPath("g/movie.mrc"), mode="move"
    )
    assert can_compress(source)
    result = deliver_compressed(order, stream())
    assert result.path == order.target_root / "g" / "movie.tif"
    pages = tifffile.imread(result.path)
    np.testing.assert_array_equal(pages[:, ::-1], counts)
    assert result.checksum == xxhash.xxh3_128_hexdigest(result.path.read_bytes())
    assert result.moved_bytes == result.path.stat().st_size < order.form.size
    assert replace(deliver_compressed(order, stream()), moved_bytes=result.moved_bytes) == result
    assert source.exists()


def test_a_different_tiff_is_not_overwritten_by_a_compressed_movie(order: Order) -> None:
    source = order.source.with_name("movie.mrc")
    write_mrc(source, np.ones((2, 8, 8), dtype=np.int16), 1.0, depth="stored")
    order = replace(order, source=source, form=Form.of(source.stat()), relative=PurePosixPath("movie.mrc"))
    tifffile.imwrite(
        order.target_root / "movie.tif", np.zeros((2, 8, 8), dtype=np.int16), photometric="minisblack"
    )
    with pytest.raises(InputError, match="not overwritten"):
        deliver_compressed(order, stream())


def test_damaged_compression_is_never_delivered(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    source = order.source.with_name("movie.mrc")
    write_mrc(source, np.ones((2, 8, 8), dtype=np.int16), 1.0, depth="stored")
    order = replace(order, source=source, form=Form.of(source.stat()), relative=PurePosixPath("movie.mrc"))
    original: Callable[..., Any] = tifffile.TiffWriter.write

    def damaged(writer: tifffile.TiffWriter, frame: np.ndarray[Any, Any], **options: Any) -> Any:
        return original(writer, frame + 1, **options)

    monkeypatch.setattr(tifffile.TiffWriter, "write", damaged)
    with pytest.raises(PassingError, match="not what was read"):
        deliver_compressed(order, stream())
    assert files(order.target_root) == []


def test_only_integers_are_compressed(order: Order) -> None:
    floats = order.source.with_name("floats.mrc")
    write_mrc(floats, np.ones((2, 8, 8), dtype=np.float32), 1.0, depth="stored")
    assert not can_compress(floats)
    assert not can_compress(order.source)
    assert not can_compress(order.source.with_name("missing.mrc"))
