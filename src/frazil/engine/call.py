"""Calls and their outcomes as bytes.

They travel between the engine and processes that it started itself, over channels that nobody else can
open; that is why pickles are safe here.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

from frazil.engine.executor import Outcome
from frazil.engine.task import run_task

if TYPE_CHECKING:
    from frazil.engine.executor import Task


def pack_call(task: Task) -> bytes:
    """Pack what a worker needs of a task; any exception says that it can't be packed."""
    return pickle.dumps((task.key, task.function, task.arguments))


def answer_call(call: bytes) -> bytes:
    """Run a packed call and pack its outcome; this is what workers do."""
    try:
        key, function, arguments = pickle.loads(call)
    except Exception as error:
        return pickle.dumps(Outcome("", error=f"internal error: a worker can't read its task ({error!r})"))
    outcome = run_task(key, function, arguments)
    try:
        return pickle.dumps(outcome)
    except Exception as error:
        text = f"internal error: the result can't be sent back ({type(outcome.value).__name__}: {error!r})"
        return pickle.dumps(Outcome(key, error=text, seconds=outcome.seconds))


def unpack_outcome(key: str, answer: bytes) -> Outcome:
    """Read what a worker answered."""
    try:
        outcome = pickle.loads(answer)
    except Exception as error:
        return Outcome(key, error=f"internal error: the result of a worker can't be read ({error!r})")
    if not isinstance(outcome, Outcome):
        return Outcome(key, error=f"internal error: a worker answered with {type(outcome).__name__}")
    return outcome
