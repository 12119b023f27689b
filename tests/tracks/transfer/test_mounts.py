"""Real file systems: full, read-only, unmounted and back. Only root may mount."""

from __future__ import annotations

import shutil
import subprocess
import threading
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.stages.bandwidth import Bandwidth
from frazil.stages.deliver import Order, deliver
from frazil.stages.deliver_copy import Form, Stream
from frazil.stages.deliver_errors import Condition, TransferBlockedError
from frazil.tracks.transfer.location import Location
from frazil.tracks.transfer.patterns import Patterns
from frazil.tracks.transfer.scan import SourceTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONTENT = np.random.default_rng(1).bytes(1_500_000)


@pytest.fixture
def mount() -> Iterator[Callable[..., None]]:
    """Mount a file system in memory; skip where that is not allowed."""
    program = shutil.which("mount")
    mounted: list[Path] = []

    def run(*arguments: str) -> bool:
        if program is None:
            return False
        return subprocess.run([program, *arguments], check=False, capture_output=True).returncode == 0

    def mount_at(path: Path, options: str) -> None:
        if not run("-t", "tmpfs", "-o", options, "tmpfs", str(path)):
            pytest.skip("mounting is not allowed here")
        if path not in mounted:
            mounted.append(path)

    yield mount_at
    for path in mounted:
        unmount(path)


def unmount(path: Path) -> None:
    program = shutil.which("umount")
    if program is not None and path.is_mount():
        subprocess.run([program, "--lazy", str(path)], check=True)


def stream() -> Stream:
    return Stream(Bandwidth(), threading.Event(), lambda _: None)


@pytest.fixture
def order(tmp_path: Path) -> Order:
    source, raw = tmp_path / "source" / "a.tif", tmp_path / "raw"
    source.parent.mkdir()
    raw.mkdir()
    source.write_bytes(CONTENT)
    return Order(
        source=source,
        source_root=source.parent,
        form=Form.of(source.stat()),
        target_root=raw,
        relative=PurePosixPath("g/a.tif"),
        mode="copy",
    )


def test_full_disk_leaves_nothing_and_goes_on(order: Order, mount: Callable[..., None]) -> None:
    mount(order.target_root, "size=2m")
    ballast = order.target_root / "ballast"

    def fill(_: int) -> None:
        # Somebody else writes while the file is being copied.
        ballast.write_bytes(CONTENT[:1_000_000])

    with pytest.raises(TransferBlockedError, match="no space left") as caught:
        deliver(order, replace(stream(), progress=fill))
    assert caught.value.condition is Condition.NO_SPACE
    assert [path.name for path in order.target_root.rglob("*") if path.is_file()] == ["ballast"]
    ballast.unlink()
    assert deliver(order, stream()).path.read_bytes() == CONTENT


@pytest.mark.parametrize("mode", ["copy", "link"])
def test_read_only_destination_is_told(order: Order, mount: Callable[..., None], mode: str) -> None:
    mount(order.target_root, "size=4m")
    mount(order.target_root, "remount,ro")
    with pytest.raises(TransferBlockedError, match="can't be written to") as caught:
        deliver(replace(order, mode="copy" if mode == "copy" else "link"), stream())
    assert caught.value.condition is Condition.DESTINATION_READ_ONLY


def test_link_to_another_disk_is_absolute(order: Order, mount: Callable[..., None]) -> None:
    mount(order.target_root, "size=4m")
    link = deliver(replace(order, mode="link"), stream()).path
    assert link.readlink() == order.source
    assert link.read_bytes() == CONTENT


def test_unmounted_source_is_a_condition_and_comes_back(tmp_path: Path, mount: Callable[..., None]) -> None:
    share = tmp_path / "share"
    share.mkdir()
    mount(share, "size=4m")
    (share / "a.tif").write_bytes(b"a")
    tree = SourceTree(Location(str(share), recursive=True), Patterns(["*.tif"]))
    assert [seen.path for seen in tree.look().seen] == ["a.tif"]
    unmount(share)
    look = tree.look()
    assert "is the share mounted?" in look.missing
    assert look.gone == [], "an empty mount point does not mean that files were removed"
    mount(share, "size=4m")
    (share / "b.tif").write_bytes(b"b")
    look = tree.look()
    assert (look.missing, [seen.path for seen in look.seen], look.gone) == ("", ["b.tif"], ["a.tif"])
