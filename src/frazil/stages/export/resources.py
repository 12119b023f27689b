"""Memory of an export."""

from __future__ import annotations

import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def memory_limit(memory_gb: float | None) -> Iterator[None]:
    """Let this process take no more memory than that meanwhile; None: as much as there is.

    Raises `InputError` where that was not enough.
    """
    if memory_gb is None:
        yield
        return
    before, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = int(memory_gb * 1e9)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if most < 0 else min(wanted, most), most))
    try:
        yield
    except MemoryError as error:
        raise InputError(
            f"the export needs more memory than the {memory_gb:g} GB that it may take: allow more, or export "
            "fewer micrographs at a time"
        ) from error
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))
