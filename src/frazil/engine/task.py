"""Run one task and turn whatever it does into an outcome."""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING, Any

from frazil.engine.executor import Outcome
from frazil.model.errors import FrazilError, InputError, PassingError

if TYPE_CHECKING:
    from collections.abc import Callable


def run_task(key: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Outcome:
    """Call ``function(*arguments)``; an exception becomes the outcome's error."""
    began = time.monotonic()
    try:
        value = function(*arguments)
    except Exception as error:
        return Outcome(
            key,
            error=describe_error(error),
            trace=traceback.format_exc(),
            input_error=isinstance(error, InputError),
            passing=isinstance(error, (PassingError, OSError, MemoryError)),
            seconds=time.monotonic() - began,
        )
    return Outcome(key, value, seconds=time.monotonic() - began)


def describe_error(error: BaseException) -> str:
    """Say for a person what an exception means."""
    if isinstance(error, FrazilError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"not enough memory ({error})" if str(error) else "not enough memory"
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    return f"internal error ({type(error).__name__}: {error}); the log has the details"
