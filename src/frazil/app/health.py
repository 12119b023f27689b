"""How the server and its machine are: version, load, memory, workers, GPUs, disks."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import psutil  # type: ignore[import-untyped]

from frazil import __version__
from frazil.app.errors import DeniedError
from frazil.app.machine import cores

if TYPE_CHECKING:
    from frazil.app.access import Actor
    from frazil.app.hub import Hub

_QUERY = ("index", "name", "utilization.gpu", "memory.used", "memory.total", "temperature.gpu")
_KEEP_S = 10.0
_MB = 1024**2


def server_status(hub: Hub, actor: Actor) -> dict[str, Any]:
    """Return how the server is; for people with an account.

    Returns
    -------
        version, microscope_name, started_at, now, device, cores, load (1, 5, 15 min), cpu_percent; memory
        (total_bytes, available_bytes, server_bytes); workers as of `WorkerInfo`; queued (tasks); gpus (index,
        name, used_percent, memory_used_bytes, memory_total_bytes, temperature_c); disks as of `DiskState`.
    """
    if not actor.has_account:
        raise DeniedError("this needs an account")
    memory = psutil.virtual_memory()
    return {
        "version": __version__,
        "microscope_name": hub.config.microscope_name,
        "started_at": hub.started_at,
        "now": hub.now(),
        "device": hub.device,
        "cores": cores(),
        "load": list(os.getloadavg()),
        "cpu_percent": psutil.cpu_percent(interval=None),
        "memory": {
            "total_bytes": memory.total,
            "available_bytes": memory.available,
            "server_bytes": psutil.Process().memory_info().rss,
        },
        "workers": [asdict(worker) for worker in hub.workers()],
        "queued": hub.queued(),
        "gpus": hub.gpus.now(),
        "disks": [asdict(disk) for disk in hub.watch.disks.states()],
    }


def health(hub: Hub) -> dict[str, Any]:
    """Whether the server works, for programs that ask without an account; `PassingError` where not."""
    with hub.catalogue.read() as connection:
        connection.exec_driver_sql("SELECT 1")
    return {"status": "ok", "version": __version__}


class Gpus:
    """GPUs of this machine as nvidia-smi sees them, asked at most every ten seconds."""

    def __init__(self, program: str = "nvidia-smi") -> None:
        self._program = shutil.which(program)
        self._seen: list[dict[str, Any]] = []
        self._at: float | None = None

    def now(self) -> list[dict[str, Any]]:
        """Tell what they do; empty where there are none."""
        if self._program is None:
            return []
        if self._at is None or time.monotonic() - self._at > _KEEP_S:
            self._seen, self._at = self._ask(self._program), time.monotonic()
        return self._seen

    def _ask(self, program: str) -> list[dict[str, Any]]:
        command = [program, f"--query-gpu={','.join(_QUERY)}", "--format=csv,noheader,nounits"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return []
        return [gpu for line in done.stdout.splitlines() if (gpu := _read(line)) is not None]


def _read(line: str) -> dict[str, Any] | None:
    words = [word.strip() for word in line.split(",")]
    if len(words) != len(_QUERY):
        return None

    def number(text: str) -> float | None:
        try:
            return float(text)
        except ValueError:
            # "[N/A]" where the card does not say.
            return None

    index, name, used, memory_used, memory_total, temperature = words
    return {
        "index": index,
        "name": name,
        "used_percent": number(used),
        "memory_used_bytes": None if number(memory_used) is None else int(float(memory_used) * _MB),
        "memory_total_bytes": None if number(memory_total) is None else int(float(memory_total) * _MB),
        "temperature_c": number(temperature),
    }
