"""Where to compute."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from frazil.model.errors import InputError

if TYPE_CHECKING:
    import torch


_DRIVERS = ("libcuda.so.1", "libamdhip64.so")


def may_have_gpu() -> bool:
    """Whether a GPU's driver can be loaded: without one there is no need to load torch to find none."""
    for name in _DRIVERS:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False


def choose_device(name: str = "auto") -> torch.device:
    """Return the torch device for ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    ``auto`` takes the first GPU where there is one. Loads torch, which takes a second: callers that know they
    want the CPU don't need this function.

    Raises
    ------
    InputError
        A GPU is asked for that isn't there, or the name means nothing.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"device {name!r} is unknown; use auto, cpu, cuda or cuda:0") from error
    if device.type not in ("cpu", "cuda"):
        raise InputError(f"device {name!r} is not supported; use auto, cpu or cuda")
    if device.type == "cuda":
        found = torch.cuda.device_count()
        if not torch.cuda.is_available() or (device.index or 0) >= found:
            raise InputError(f"device {name!r} is not there: {found} CUDA devices found; use cpu or auto")
    return device
