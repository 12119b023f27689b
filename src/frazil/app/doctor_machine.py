"""What machine is this: cores, memory, disk, devices, versions."""

from __future__ import annotations

import os
import platform
import shutil
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]

from frazil import __version__
from frazil.app.doctor import Finding
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LEAST_MEMORY_GB = 4.0
_LEAST_DISK_GB = 5.0


def examine_machine(folder: Path, device: str) -> Iterator[Finding]:
    """Report versions, cores, memory, disk and the device that would be used."""
    yield Finding("version", True, f"frazil {__version__}, Python {platform.python_version()}")
    cores = len(os.sched_getaffinity(0))
    yield Finding("cores", True, f"{cores} of {os.cpu_count()}")
    memory = psutil.virtual_memory()
    free_gb = memory.available / 1e9
    yield Finding(
        "memory",
        free_gb >= _LEAST_MEMORY_GB,
        f"{free_gb:.1f} GB free of {memory.total / 1e9:.1f} GB"
        + ("" if free_gb >= _LEAST_MEMORY_GB else "; a K3 movie needs 2.6 GB"),
    )
    yield _disk(folder)
    yield _device(device)


def _disk(folder: Path) -> Finding:
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:
        return Finding("disk", False, f"{folder}: {error.strerror}")
    writable = os.access(folder, os.W_OK)
    free_gb = usage.free / 1e9
    text = f"{free_gb:.0f} GB free of {usage.total / 1e9:.0f} GB at {folder}"
    if not writable:
        text += ", but it can't be written to"
    return Finding("disk", writable and free_gb >= _LEAST_DISK_GB, text)


def _device(name: str) -> Finding:
    import torch

    from frazil.compute.device import choose_device

    try:
        device = choose_device(name)
    except InputError as error:
        return Finding("device", False, str(error))
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        text = (
            f"{device}: {properties.name}, {properties.total_memory / 1e9:.0f} GB, torch {torch.__version__}"
        )
        return Finding("device", True, text)
    return Finding("device", True, f"cpu (no GPU is used), torch {torch.__version__}")
