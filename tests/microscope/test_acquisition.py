"""A session of the virtual microscope that is ended goes on where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil.microscope.acquisition import acquire, exposures
from frazil.microscope.settings import ExposureSettings

if TYPE_CHECKING:
    from pathlib import Path

SMALL = ExposureSettings(height_px=64, width_px=64, frames=2, particles=1)


def test_a_session_goes_on_with_the_number_after_the_last(tmp_path: Path) -> None:
    session = exposures(SMALL, 4, seed=5, varied=False)
    once = [path.read_bytes() for path in acquire(tmp_path / "whole", session)]
    folder = tmp_path / "ended"
    list(acquire(folder, session[:2]))
    # The second was still arriving when the microscope was ended.
    (folder / "truth" / ".movie_0002.tiff").write_bytes(once[1])
    (folder / "movie_0002.tiff").write_bytes(once[1][:100])
    gain = (folder / "gain.mrc").stat().st_mtime_ns
    first = (folder / "movie_0001.tiff").stat().st_mtime_ns
    written = list(acquire(folder, session, resume=True, movies_per_hour=3600.0 * 1000))
    assert [path.name for path in written] == [f"movie_000{n}.tiff" for n in (2, 3, 4)]
    assert [(folder / f"movie_000{n}.tiff").read_bytes() for n in (1, 2, 3, 4)] == once
    assert (folder / "movie_0001.tiff").stat().st_mtime_ns == first
    assert (folder / "gain.mrc").stat().st_mtime_ns == gain
    assert list(acquire(folder, session, resume=True)) == []
