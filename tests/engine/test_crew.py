"""Whatever happens to tasks and workers, in any order: one outcome for each task, and no worker too many."""

from __future__ import annotations

import asyncio
import pickle
from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from frazil.engine.call import pack_call
from frazil.engine.crew import Crew
from frazil.engine.executor import Outcome, Task
from frazil.engine.ledger import Ledger
from frazil.engine.slot import State
from frazil.engine.worker import Pool, WorkerDiedError

if TYPE_CHECKING:
    from collections.abc import Callable

ATTEMPTS = 2
CHOICES = st.integers(0, 11)


class FakeWorker:
    """A worker that does what the test says, when the test says."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pid = 1
        self.told_to_end = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.calls: list[tuple[bytes, asyncio.Future[bytes]]] = []

    async def start(self) -> None:
        either: list[asyncio.Future[Any]] = [self.ready, self.ended]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if self.ready.done():
            self.ready.result()
        else:
            raise WorkerDiedError(self.ended.result())

    async def run(self, call: bytes) -> bytes:
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.calls.append((call, answer))
        try:
            either: list[asyncio.Future[Any]] = [answer, self.ended]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise WorkerDiedError(self.ended.result())
            return answer.result()
        finally:
            self.calls.pop()

    async def gone(self) -> str:
        return await asyncio.shield(self.ended)

    async def end(self, grace_s: float) -> None:  # noqa: ARG002
        """Told to end, it may still answer; it dies when the test lets it."""
        self.told_to_end = True
        await self.gone()

    def die(self, how: str) -> None:
        if not self.ended.done():
            self.ended.set_result(how)

    def answer(self) -> None:
        call, answer = self.calls[0]
        key = pickle.loads(call)[0]
        answer.set_result(pickle.dumps(Outcome(key, value=f"did {key}")))


class FakeWorkplace:
    def __init__(self) -> None:
        self.made: list[FakeWorker] = []

    async def open(self) -> None: ...

    def worker(self, name: str, pool: Pool, gpu: str) -> FakeWorker:  # noqa: ARG002
        self.made.append(FakeWorker(name))
        return self.made[-1]

    async def close(self) -> None: ...

    def alive(self) -> list[FakeWorker]:
        return [worker for worker in self.made if not worker.ended.done()]


class CrewMachine(RuleBasedStateMachine):
    """Clients and accidents of all kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.ledger = Ledger(["movies"])
        self.workplace = FakeWorkplace()
        self.slots = 2
        self.submitted: list[str] = []
        self.begun: list[str] = []
        self.wanted_away: set[str] = set()
        self.outcomes: list[Outcome] = []
        self.crew = self.loop.run_until_complete(self._open())

    async def _open(self) -> Crew:
        crew = Crew(self.ledger, {"movies": Pool(workers=2, idle_s=None)}, self.workplace)
        await crew.open()
        return crew

    def _do(self, what: Callable[[], object]) -> None:
        """Do something in the event loop, and let it do all that follows."""

        async def scene() -> None:
            what()
            for _ in range(20):
                await asyncio.sleep(0)

        self.loop.run_until_complete(scene())

    @rule(priority=st.sampled_from([0.0, 1.0]))
    def submit(self, priority: float) -> None:
        key = f"task-{len(self.submitted)}"
        self.submitted.append(key)
        task = Task(
            key,
            abs,
            (1,),
            priority=(priority,),
            attempts=ATTEMPTS,
            done=self.outcomes.append,
            started=lambda key, _worker: self.begun.append(key),
        )
        self.ledger.add(task, pack_call(task))
        self._do(lambda: self.crew.hand_out("movies"))

    @rule(choice=CHOICES)
    def cancel(self, choice: int) -> None:
        if not self.submitted:
            return
        key = self.submitted[choice % len(self.submitted)]
        entry = self.ledger.cancel(key)
        finished = {outcome.key for outcome in self.outcomes}
        assert (entry is not None) == (key not in finished | self.wanted_away)
        if entry is not None:
            self.wanted_away.add(key)
            self._do(lambda: self.crew.drop(entry))

    @rule(choice=CHOICES, priority=st.sampled_from([0.0, 1.0]))
    def reprioritise(self, choice: int, priority: float) -> None:
        if self.submitted:
            self.ledger.move(self.submitted[choice % len(self.submitted)], (priority,))

    @rule()
    def all_workers_are_ready(self) -> None:
        for worker in self.workplace.alive():
            if not worker.ready.done():
                self._do(lambda worker=worker: worker.ready.set_result(None))  # type: ignore[misc]

    @rule(choice=CHOICES)
    def a_worker_answers(self, choice: int) -> None:
        busy = [worker for worker in self.workplace.alive() if worker.calls]
        if busy:
            self._do(busy[choice % len(busy)].answer)

    @rule(choice=CHOICES)
    def a_worker_dies(self, choice: int) -> None:
        up = [worker for worker in self.workplace.alive() if worker.ready.done()]
        if up:
            self._do(lambda: up[choice % len(up)].die("died"))

    @rule()
    def those_told_to_end_are_gone(self) -> None:
        for worker in self.workplace.alive():
            if worker.told_to_end:
                self._do(lambda worker=worker: worker.die("was told to"))  # type: ignore[misc]

    @rule(slots=st.integers(1, 3), threads=st.integers(1, 2))
    def resize(self, slots: int, threads: int) -> None:
        self.slots = slots
        self._do(lambda: self.crew.resize("movies", Pool(workers=slots, threads=threads, idle_s=None)))

    @invariant()
    def every_task_has_one_outcome_or_is_unfinished(self) -> None:
        counts = Counter(outcome.key for outcome in self.outcomes)
        assert not counts or max(counts.values()) == 1
        unfinished = {entry.task.key for entry in self.ledger.entries()}
        assert sorted([*counts, *unfinished]) == sorted(self.submitted)
        for outcome in self.outcomes:
            assert outcome.cancelled == (outcome.key in self.wanted_away)
            assert outcome.lost == (not outcome.cancelled and outcome.value is None)
            assert outcome.attempts == self.begun.count(outcome.key) <= ATTEMPTS

    @invariant()
    def workers_have_one_task_each_and_none_is_idle_while_tasks_wait(self) -> None:
        assert all(len(worker.calls) <= 1 for worker in self.workplace.alive())
        assert len({worker.name for worker in self.workplace.alive()}) == len(self.workplace.alive())
        idle = [slot for slot in self.crew.slots() if slot.state is State.IDLE]
        assert idle == [] or self.ledger.waiting("movies") == 0
        assert len(self.crew.slots()) >= min(self.slots, self.ledger.waiting("movies"))
        assert sum(slot.number >= self.slots for slot in idle) == 0

    def teardown(self) -> None:
        async def scene() -> None:
            leaving = asyncio.ensure_future(self.crew.leave(1.0))
            while not leaving.done():
                for worker in self.workplace.alive():
                    if worker.told_to_end:
                        worker.die("was told to")
                await asyncio.sleep(0)
            await leaving

        self.loop.run_until_complete(scene())
        self.loop.close()
        assert self.ledger.unfinished() == 0
        assert len(self.outcomes) == len(self.submitted)
        assert self.workplace.alive() == []


TestCrew = CrewMachine.TestCase
TestCrew.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)


def test_no_more_workers_are_started_than_tasks_wait() -> None:
    machine = CrewMachine()
    machine.resize(3, 1)
    machine.submit(0.0)
    assert len(machine.workplace.made) == 1
    machine.submit(0.0)
    assert len(machine.workplace.made) == 2
    machine.all_workers_are_ready()
    assert len(machine.workplace.made) == 2
    machine.teardown()


def test_a_worker_that_cannot_be_made_is_tried_again() -> None:
    class FullMachine(FakeWorkplace):
        def worker(self, name: str, pool: Pool, gpu: str) -> FakeWorker:
            worker = super().worker(name, pool, gpu)
            if len(self.made) == 1:
                worker.ready.set_exception(OSError(24, "Too many open files"))
            return worker

    async def scene() -> None:
        ledger, workplace, outcomes = Ledger(["movies"]), FullMachine(), list[Outcome]()
        crew = Crew(ledger, {"movies": Pool()}, workplace)
        await crew.open()
        task = Task("a", abs, (1,), done=outcomes.append)
        ledger.add(task, pack_call(task))
        crew.hand_out("movies")
        while len(workplace.made) < 2:
            for worker in workplace.made:
                worker.die("was told to")
            await asyncio.sleep(0.01)
        second = workplace.made[1]
        second.ready.set_result(None)
        while not second.calls:
            await asyncio.sleep(0)
        second.answer()
        while not outcomes:
            await asyncio.sleep(0)
        second.die("was told to")
        await crew.leave(0)
        assert outcomes[0].value == "did a"

    asyncio.run(scene())
