"""``frazil process`` on movies whose dose or format is special."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.app.test_process import Listener
from tests.conftest import MOVIE

from frazil.app.process import process
from frazil.app.process_request import ProcessRequest, ProcessResult
from frazil.engine.inline import InlineExecutor
from frazil.formats.mrc import read_mrc, write_mrc
from frazil.formats.star import read_star
from frazil.microscope.acquisition import acquire, exposures
from frazil.model.settings import Settings, with_values
from frazil.store.session import SessionFolder

if TYPE_CHECKING:
    from pathlib import Path

STILL: dict[str, object] = {
    "pixel_size_a": 2.0,
    "voltage_kv": 300.0,
    "dose_per_movie_e_per_a2": 30.0,
    "picking_method": "none",
    "alignment_method": "none",
    "output_depth": "float32",
    "write_unweighted": True,
}


def run(movie: Path, session: Path, values: dict[str, Any]) -> ProcessResult:
    request = ProcessRequest(
        [str(movie)], session, with_values(Settings(), values), device="cpu", classify=False
    )
    return process(request, Listener(), lambda _workers, _threads: InlineExecutor(eager=True))


def test_pre_exposure_counts_as_dose_before_the_first_frame(virtual_movies: Path, tmp_path: Path) -> None:
    movie = virtual_movies / "movie_0001.tiff"
    gain = {"gain_path": str(virtual_movies / "gain.mrc")}
    images, plain = {}, {}
    for before in (0.0, 15.0):
        session = tmp_path / f"{before:g}"
        chosen = {"pre_exposure_e_per_a2": before, "sum_dose_max_e_per_a2": 30.0}
        assert run(movie, session, {**STILL, **gain, **chosen}).done == ["movie_0001"]
        images[before] = read_mrc(session / "micrographs" / "movie_0001.mrc").data
        plain[before] = read_mrc(session / "micrographs" / "movie_0001_noDW.mrc").data
        general = read_star(session / "motion" / "movie_0001.star")["general"]
        assert general.numbers("rlnMicrographPreExposure")[0] == pytest.approx(before)
        assert general.numbers("rlnMicrographDoseRate")[0] == pytest.approx(5.0)
    # Frames of equal dose keep their weights relative to each other, and the sum has the noise of one frame
    # either way: what was lost before the first frame is lost for all, and the weighted sum stays as it is.
    assert np.abs(images[15.0] - images[0.0]).max() < 1e-3 * images[0.0].std()
    # The plain sum up to 30 e/Å² has only the first half of the frames.
    assert plain[15.0].mean() == pytest.approx(0.5 * plain[0.0].mean(), rel=0.03)


def test_eer_movies_are_grouped_by_dose_and_aligned(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    list(acquire(folder, exposures(MOVIE, 1, seed=23, varied=False), movie_format="eer"))
    (movie,) = folder.glob("*.eer")
    encoded = bytearray(movie.read_bytes())
    encoded[len(encoded) // 2 : len(encoded) // 2 + 8] = bytes(8)
    movie.write_bytes(encoded)
    values = {**STILL, "alignment_method": "local", "gain_path": str(folder / "gain.gain")}
    session = tmp_path / "s"
    result = run(movie, session, values)
    assert result.done == [movie.stem], result.failed
    with SessionFolder(session) as opened:
        (record,) = opened.records()
    assert any("camera frames left out" in note and "of 192" in note for note in record.notes), record.notes
    motion = read_star(session / "motion" / f"{movie.stem}.star")
    frames = len(motion["global_shift"].numbers("rlnMicrographShiftX"))
    # About 0.7 e/Å² in each fraction: 4 of the 192 camera frames, so that the last one is whole.
    assert motion["general"].numbers("rlnMicrographDoseRate")[0] == pytest.approx(4 * 30.0 / 192)
    assert frames == 48
    weighted = read_mrc(session / "micrographs" / f"{movie.stem}.mrc").data
    plain = read_mrc(session / "micrographs" / f"{movie.stem}_noDW.mrc").data
    assert weighted.shape == plain.shape == (MOVIE.height_px, MOVIE.width_px)
    assert np.corrcoef(weighted.ravel(), plain.ravel())[0, 1] > 0.3


def test_a_torn_frame_is_left_out_and_told(tmp_path: Path) -> None:
    frames = np.random.default_rng(3).poisson(4.0, (6, 128, 160)).astype(np.float32)
    frames[2, 40:60] = 0.0
    write_mrc(tmp_path / "torn.mrcs", frames, 2.0, depth="float32")
    listener, session = Listener(), tmp_path / "s"
    request = ProcessRequest(
        [str(tmp_path / "torn.mrcs")], session, with_values(Settings(), STILL), device="cpu", classify=False
    )
    process(request, listener, lambda _workers, _threads: InlineExecutor(eager=True))
    text, failed = listener.movies["torn"]
    assert not failed
    assert "5 of 6 frames used" in text
    with SessionFolder(session) as opened:
        (record,) = opened.records()
    assert "frame 3 is left out: it is torn: rows 41 to 60" in " ".join(record.notes)
