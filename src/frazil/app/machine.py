"""What this machine has, without asking torch: cores, GPUs, and the workers that suit them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from frazil.engine.worker import Pool
from frazil.model.errors import InputError
from frazil.stages.tasks import load_libraries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frazil.app.config import ServerConfig
    from frazil.engine.executor import Executor

DRIVER = Path("/proc/driver/nvidia/gpus")
_CORES_PER_MOVIE = 4
_NICE = 10
_ASK_TORCH = (
    "import sys; from frazil.stages.tasks import find_device; sys.stdout.write(find_device(sys.argv[1]))"
)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def gpu_numbers(driver: Path = DRIVER) -> tuple[str, ...]:
    """Numbers of the GPUs of this machine, as CUDA_VISIBLE_DEVICES takes them."""
    try:
        return tuple(str(number) for number, _ in enumerate(driver.iterdir()))
    except OSError:
        return ()


def find_device(config: ServerConfig, driver: Path = DRIVER) -> str:
    """Return "cpu" or "cuda".

    Only where there is a GPU, or one is demanded, a process is started that asks torch.
    Raises `InputError` where a GPU is demanded and torch can't use one.
    """
    if config.device == "cpu" or (config.device == "auto" and not gpu_numbers(driver)):
        return "cpu"
    command = [sys.executable, "-c", _ASK_TORCH, config.device]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode == 0:
        return "cuda" if done.stdout.strip().startswith("cuda") else "cpu"
    words = done.stderr.strip().splitlines()
    raise InputError(f"device={config.device}: {words[-1] if words else 'torch can not use a GPU'}")


def pools(config: ServerConfig, device: str) -> Mapping[str, Pool]:
    """Workers that suit this machine: by GPU, else by cores; what the configuration says goes first."""
    here = cores()
    gpus = (config.gpus or gpu_numbers()) if device == "cuda" else ()
    movies = config.movies_workers or len(gpus) or max(1, here // _CORES_PER_MOVIE)
    threads = config.movies_threads or max(1, here // movies)
    return {
        "movies": Pool(movies, threads, gpus=gpus, initialise=load_libraries),
        "classes": Pool(
            config.classes_workers or 1,
            config.classes_threads or here,
            gpus=gpus[: config.classes_workers or 1],
            nice=_NICE,
        ),
        "files": Pool(1, 1, nice=_NICE),
    }


def make_executor(config: ServerConfig, device: str) -> Executor:
    """Make the engine of this machine; its workers start when they are first needed."""
    from frazil.engine.dask_local import dask_executor

    return dask_executor(pools(config, device))
