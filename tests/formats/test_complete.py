"""Files that are still being written are recognised at every length."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pytest
import tifffile

from frazil.formats.complete import check_complete
from frazil.formats.mrc import write_mrc
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = np.random.default_rng(1).poisson(1.0, (3, 16, 16)).astype(np.uint8)


def test_every_beginning_of_a_movie_is_incomplete(tmp_path: Path) -> None:
    write_mrc(tmp_path / "a.mrc", IMAGES, 1.0, depth="stored")
    tifffile.imwrite(tmp_path / "a.tif", IMAGES, compression="lzw", photometric="minisblack")
    tifffile.imwrite(tmp_path / "b.tif", IMAGES, bigtiff=True, photometric="minisblack")
    (tmp_path / "a.mrc.gz").write_bytes(gzip.compress((tmp_path / "a.mrc").read_bytes()))
    (tmp_path / "a.mrc.zst").write_bytes(imagecodecs.zstd_encode((tmp_path / "a.mrc").read_bytes()))
    (tmp_path / "a.xml").write_text("<a><b>1</b></a>")
    (tmp_path / "a.mdoc").write_text("T = SerialEM\n\n[FrameSet = 0]\n")
    for path in list(tmp_path.iterdir()):
        assert check_complete(path) == (True, "")
        whole = path.read_bytes()
        growing = tmp_path / f"growing_{path.name}"
        lengths = range(len(whole)) if len(whole) < 100 else np.linspace(0, len(whole) - 1, 60).astype(int)
        for length in lengths:
            growing.write_bytes(whole[:length])
            result = check_complete(growing)
            if path.suffix == ".mdoc" and b"\n[" in whole[:length]:
                continue
            assert not result.ok, (path.name, length)
            assert growing.name in result.reason


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        check_complete(tmp_path / "a.mrc")


def test_a_foreign_file_is_not_complete(tmp_path: Path) -> None:
    (tmp_path / "a.mrc").write_text("lorem ipsum" * 200)
    result = check_complete(tmp_path / "a.mrc")
    assert not result.ok
    assert "not those of an MRC file" in result.reason
