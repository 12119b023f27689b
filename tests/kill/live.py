"""A small microscope, and settings by which the server keeps up with it."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from frazil.microscope.acquisition import acquire, exposures
from frazil.microscope.settings import ExposureSettings
from frazil.model.optics import Optics

if TYPE_CHECKING:
    from pathlib import Path

FRAMES = 4
DIFFERENT = 4
SETTINGS: dict[str, Any] = {
    "name": "killed",
    "transfer_mode": "copy",
    "min_age_s": 0,
    "settle_s": 1,
    "poll_s": 1,
    "min_free_gb": 1.0,
    "pixel_size_a": 2.0,
    "voltage_kv": 300.0,
    "dose_per_movie_e_per_a2": 30.0,
    "particle_diameter_min_a": 128.0,
    "particle_diameter_max_a": 128.0,
    "alignment_method": "global",
    "max_ctf_resolution_a": 100.0,
    "class_count": 2,
    "stream_start_particles": 200,
    "publish_s": 5,
    "stop_grace_s": 5,
    "max_attempts": 10,
}


def expose(folder: Path) -> list[Path]:
    """Make a few small movies, to be delivered again and again under other names."""
    base = ExposureSettings(
        height_px=384,
        width_px=384,
        frames=FRAMES,
        pixel_size_a=2.0,
        optics=Optics(300.0, 2.7, 0.07),
        dose_per_frame_e_per_a2=30.0 / FRAMES,
        defocus_u_a=15_000.0,
        defocus_v_a=15_000.0,
        specimens=("apoferritin",),
        spacing=1.2,
    )
    return list(acquire(folder, exposures(base, DIFFERENT, 3, varied=False)))


class Microscope(threading.Thread):
    """Writes movies that grow, in grid squares that hold equal names, until it is told to stop."""

    def __init__(self, exposed: list[Path], folder: Path, interval_s: float) -> None:
        super().__init__(daemon=True)
        self._exposed, self._folder, self._interval_s = exposed, folder, interval_s
        self._enough = threading.Event()
        self.written: list[Path] = []

    def run(self) -> None:
        number = 0
        while not self._enough.wait(self._interval_s):
            movie = self._exposed[number % len(self._exposed)].read_bytes()
            path = self._folder / f"GridSquare_{number % 2}" / f"movie {number // 2:04d}.tiff"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for start in range(0, len(movie), 1 + len(movie) // 4):
                    file.write(movie[start : start + 1 + len(movie) // 4])
                    file.flush()
                    time.sleep(0.02)
            self.written.append(path)
            number += 1

    def stop(self) -> None:
        self._enough.set()
        self.join()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
