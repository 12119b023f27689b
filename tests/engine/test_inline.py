"""The executor of the tests steps through its tasks one by one."""

from __future__ import annotations

from frazil.engine.executor import Outcome, Task
from frazil.engine.inline import InlineExecutor


class Client:
    """Collects what it is told."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.begun: list[str] = []

    def task(self, key: str, *, priority: tuple[float, ...] = (), attempts: int = 2) -> Task:
        return Task(
            key,
            str.upper,
            (key,),
            priority=priority,
            attempts=attempts,
            done=self.outcomes.append,
            started=lambda key, _worker: self.begun.append(key),
        )


def test_nothing_runs_until_it_is_told_to_and_then_by_priority() -> None:
    client, executor = Client(), InlineExecutor({"movies": 2})
    for key, priority in (("c", (2.0,)), ("a", (1.0,)), ("b", (1.0,)), ("d", (3.0,))):
        executor.submit(client.task(key, priority=priority))
    assert (executor.unfinished(), executor.free("movies"), client.outcomes) == (4, 0, [])
    assert executor.reprioritise("d", (0.0,))
    assert executor.run_next()
    assert client.begun == ["d"]
    assert executor.run_all() == 3
    assert [outcome.value for outcome in client.outcomes] == ["D", "A", "B", "C"]
    assert (executor.unfinished(), executor.free("movies")) == (0, 2)
    assert not executor.run_next()


def test_cancelled_tasks_never_run_and_have_one_outcome() -> None:
    client, executor = Client(), InlineExecutor()
    for key in ("waits", "begun", "stays"):
        executor.submit(client.task(key, priority=(0.0,) if key == "begun" else (1.0,)))
    assert executor.begin_next() == "begun"
    assert executor.workers()[2].task == "begun"
    assert executor.cancel("begun")
    assert executor.cancel("waits")
    assert not executor.cancel("waits")
    executor.run_all()
    assert [(o.key, o.cancelled, o.attempts) for o in client.outcomes] == [
        ("begun", True, 1),
        ("waits", True, 0),
        ("stays", False, 1),
    ]
    executor.submit(client.task("late"))
    executor.close()
    assert client.outcomes[-1].cancelled


def test_a_lost_worker_is_tried_again_until_its_attempts_are_used_up() -> None:
    client, executor = Client(), InlineExecutor()
    executor.submit(client.task("a", attempts=2))
    executor.submit(client.task("b"))
    assert executor.lose_next()
    assert client.outcomes == []
    assert executor.lose_next()
    assert (client.outcomes[0].key, client.outcomes[0].lost, client.outcomes[0].attempts) == ("a", True, 2)
    executor.run_all()
    assert client.outcomes[1].value == "B"
