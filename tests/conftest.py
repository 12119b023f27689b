"""Small virtual data that several rooms test with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from tests.e2e.controls_check import ControlsCheck

from frazil.microscope.acquisition import acquire, exposures
from frazil.microscope.settings import ExposureSettings

if TYPE_CHECKING:
    from pathlib import Path

# Every run tries the same examples, so that a red run is about the change it ran on.
# FRAZIL_HYPOTHESIS=search looks for new ones.
settings.register_profile("same", derandomize=True)
settings.register_profile("search", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("FRAZIL_HYPOTHESIS", "same"))

MICROGRAPH = ExposureSettings(
    height_px=512,
    width_px=576,
    frames=8,
    pixel_size_a=2.0,
    dose_per_frame_e_per_a2=5.0,
    defocus_u_a=14_000.0,
    defocus_v_a=14_000.0,
    spacing=1.4,
    detector_seed=3,
)
MOVIE = ExposureSettings(
    height_px=320,
    width_px=384,
    frames=6,
    pixel_size_a=2.0,
    dose_per_frame_e_per_a2=5.0,
    defocus_u_a=14_000.0,
    defocus_v_a=14_000.0,
    spacing=1.4,
    drift_total_a=4.0,
    drift_burst_a=4.0,
    local_motion_a=0.5,
    detector_seed=3,
)


def pytest_configure(config: pytest.Config) -> None:
    """Have every control of the page tried."""
    config.pluginmanager.register(ControlsCheck(config))


@pytest.fixture(scope="session")
def virtual_micrographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with two averaged micrographs of apoferritin, 2 Å/px, and their truth."""
    folder = tmp_path_factory.mktemp("micrographs")
    list(acquire(folder, exposures(MICROGRAPH, 2, seed=21, varied=False), micrographs=True))
    return folder


@pytest.fixture(scope="session")
def virtual_movies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with two movies of apoferritin, 384 x 320 x 6, 2 Å/px, a gain reference and their truth."""
    folder = tmp_path_factory.mktemp("movies")
    list(acquire(folder, exposures(MOVIE, 2, seed=22, varied=False)))
    return folder
