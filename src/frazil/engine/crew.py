"""Hands tasks to workers. Everything here happens in the engine's event loop."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from frazil.engine.call import unpack_outcome
from frazil.engine.executor import Outcome
from frazil.engine.slot import Slot, State
from frazil.engine.worker import CannotLoadError, WorkerDiedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from frazil.engine.ledger import Entry, Ledger
    from frazil.engine.worker import Pool, Worker, Workplace

log = logging.getLogger(__name__)

_CANCEL_GRACE_S = 0.3
_RETIRE_GRACE_S = 3.0
_ABANDON_S = 5.0
_FAILED_LOADS = 3
_FAILED_STARTS = 20
_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 30.0


class Crew:
    """The workers of all pools.

    Whatever ends a task or a worker calls `hand_out`, which gives tasks to idle workers and starts workers
    for tasks that are left.
    """

    def __init__(self, ledger: Ledger, pools: Mapping[str, Pool], workplace: Workplace) -> None:
        self._ledger = ledger
        self._pools = dict(pools)
        self._workplace = workplace
        self._open = False
        self._slots = {name: [Slot(name, number) for number in range(p.slots)] for name, p in pools.items()}
        self._failed_starts = dict.fromkeys(pools, 0)
        self._jobs: set[asyncio.Task[None]] = set()
        self._leaving = asyncio.Event()
        self._broken = asyncio.get_running_loop().create_future()

    def slots(self) -> list[Slot]:
        """Slots that have a worker, by pool and number; any thread may ask."""
        return [slot for _, slots in sorted(self._slots.items()) for slot in tuple(slots) if slot.worker]

    async def open(self) -> None:
        """Get ready, and take up what an earlier crew left."""
        await self._workplace.open()
        self._open = True
        for entry in self._ledger.entries():
            if entry.running:
                self._lost(entry, "was lost with the engine's event loop")
            elif entry.cancelled or entry.refusal:
                self.drop(entry)
        for pool in self._pools:
            self.hand_out(pool)

    async def work(self) -> None:
        """Serve until `stop`; an error of the engine itself is raised here."""
        leaving = asyncio.ensure_future(self._leaving.wait())
        await asyncio.wait([leaving, self._broken], return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if self._broken.done():
            self._broken.result()

    def stop(self) -> None:
        """Let `work` return."""
        self._leaving.set()

    async def leave(self, grace_s: float) -> None:
        """Cancel what is unfinished and end all workers."""
        self._open = False
        self._leaving.set()
        for entry in self._ledger.entries():
            self._ledger.cancel(entry.task.key)
            if not entry.running:
                self.drop(entry)
        await asyncio.gather(*(slot.worker.end(grace_s) for slot in self.slots() if slot.worker))
        while self._jobs:
            await asyncio.wait(self._jobs)
        await self._workplace.close()

    async def abandon(self) -> None:
        """Kill all workers; their tasks stay unfinished, for another crew."""
        self._open = False
        async with asyncio.timeout(_ABANDON_S):
            await asyncio.gather(*(slot.worker.end(0) for slot in self.slots() if slot.worker))
            await self._workplace.close()

    def hand_out(self, pool: str) -> None:
        """Give idle workers of a pool tasks; start workers for tasks that are left."""
        if not self._open:
            return
        for slot in self._slots[pool]:
            if slot.state is State.IDLE:
                entry = self._ledger.take(pool)
                if entry is None:
                    return
                slot.become(State.BUSY, entry)
                self._do(self._serve(slot, entry))
        left = self._ledger.waiting(pool) - sum(slot.state is State.STARTING for slot in self._slots[pool])
        for slot in [slot for slot in self._slots[pool] if slot.state is State.OFF][: max(0, left)]:
            self._hire(slot)

    def drop(self, entry: Entry) -> None:
        """End a task that is cancelled or refused: at once where it waits, else together with its worker."""
        if not entry.running:
            key, why = entry.task.key, entry.refusal
            self._finish(entry, Outcome(key, error=why, attempts=entry.attempts, cancelled=not why))
            return
        for slot in self._slots[entry.task.pool]:
            if slot.entry is entry and slot.worker is not None:
                self._do(slot.worker.end(_CANCEL_GRACE_S))

    def resize(self, pool: str, wanted: Pool) -> None:
        """Bring a pool to another number of workers or threads; busy workers change when they are done."""
        self._pools[pool] = wanted
        slots = self._slots[pool]
        there = {slot.number for slot in slots}
        slots.extend(Slot(pool, number) for number in range(wanted.slots) if number not in there)
        for slot in list(slots):
            if slot.state is State.IDLE:
                self._rest(slot)
        self._drop_surplus(pool)
        self.hand_out(pool)

    def _hire(self, slot: Slot) -> None:
        slot.hired_as = self._pools[slot.pool]
        slot.worker = self._workplace.worker(slot.name, slot.hired_as, slot.hired_as.gpu(slot.number))
        slot.become(State.STARTING)
        self._do(self._start(slot, slot.worker))

    async def _start(self, slot: Slot, worker: Worker) -> None:
        try:
            await worker.start()
        except (WorkerDiedError, OSError) as death:
            await worker.end(0)
            if self._open:
                await self._start_failed(slot, death)
            slot.become(State.OFF)
            self._drop_surplus(slot.pool)
            self.hand_out(slot.pool)
            return
        self._failed_starts[slot.pool] = 0
        self._do(self._watch(slot, worker))
        self._rest(slot)

    async def _start_failed(self, slot: Slot, death: Exception) -> None:
        """Wait longer every time; give tasks up where no worker can be started many times in a row."""
        log.error("worker %s could not be started: it %s", slot.name, death)
        self._failed_starts[slot.pool] += 1
        failures = self._failed_starts[slot.pool]
        if failures >= (_FAILED_LOADS if isinstance(death, CannotLoadError) else _FAILED_STARTS):
            while (entry := self._ledger.take(slot.pool)) is not None:
                why = f"no worker process could be started: it {death}"
                begun = entry.attempts - 1  # this one was not begun
                outcome = Outcome(entry.task.key, error=why, attempts=begun, lost=True, passing=True)
                self._finish(entry, outcome)
        await asyncio.wait([self._do(self._pause(min(_LONGEST_PAUSE_S, _PAUSE_S * failures)))])

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._leaving.wait()
        except TimeoutError:
            return

    async def _watch(self, slot: Slot, worker: Worker) -> None:
        """Notice the end of a worker that has nothing to do."""
        how = await worker.gone()
        if self._open and slot.worker is worker and slot.state is State.IDLE:
            log.warning("idle worker %s %s", slot.name, how)
            slot.become(State.OFF)
            self.hand_out(slot.pool)

    async def _serve(self, slot: Slot, entry: Entry) -> None:
        """Let the slot's worker do a task."""
        worker, task = slot.worker, entry.task
        if worker is None:
            raise RuntimeError(f"slot {slot.name} is busy without a worker")
        if task.started is not None:
            self._call_client(task.started, task.key, slot.name)
        try:
            async with asyncio.timeout(task.timeout_s):
                answer = await worker.run(entry.call)
        except TimeoutError:
            how = f"took longer than {task.timeout_s:g} s and was stopped"
        except WorkerDiedError as death:
            how = str(death)
        else:
            outcome = replace(unpack_outcome(task.key, answer), attempts=entry.attempts, worker=slot.name)
            if not entry.cancelled:
                self._finish(entry, outcome)
                self._rest(slot)
                return
            how = "was not needed any more"
        await worker.end(_CANCEL_GRACE_S)
        slot.become(State.OFF)
        if self._open and slot.number < self._pools[slot.pool].slots:
            self._hire(slot)
        self._drop_surplus(slot.pool)
        self._lost(entry, how)
        self.hand_out(slot.pool)

    def _rest(self, slot: Slot) -> None:
        """Keep a worker that is done with something for the next task, if it still fits its pool."""
        pool = self._pools[slot.pool]
        if slot.number >= pool.slots or slot.hired_as is None or not pool.same_worker(slot.hired_as):
            self._retire(slot)
            return
        slot.become(State.IDLE)
        self.hand_out(slot.pool)
        if slot.state is State.IDLE and pool.idle_s is not None:
            slot.timer = asyncio.get_running_loop().call_later(pool.idle_s, self._retire, slot)

    def _retire(self, slot: Slot) -> None:
        slot.become(State.ENDING)
        if slot.worker is not None:
            self._do(self._end(slot, slot.worker))

    async def _end(self, slot: Slot, worker: Worker) -> None:
        await worker.end(_RETIRE_GRACE_S)
        slot.become(State.OFF)
        self._drop_surplus(slot.pool)
        self.hand_out(slot.pool)

    def _drop_surplus(self, pool: str) -> None:
        slots = self._pools[pool].slots
        self._slots[pool][:] = [s for s in self._slots[pool] if s.number < slots or s.state is not State.OFF]

    def _lost(self, entry: Entry, how: str) -> None:
        """Decide about a task whose worker is gone."""
        key, attempts = entry.task.key, entry.attempts
        if entry.cancelled:
            self._finish(entry, Outcome(key, cancelled=True, attempts=attempts))
        elif self._ledger.give_back(entry):
            log.warning("the worker of %s %s; the task is begun again", key, how)
        else:
            times = "once" if attempts == 1 else f"{attempts} times"
            why = f"its worker process {how}, tried {times}"
            self._finish(entry, Outcome(key, error=why, attempts=attempts, lost=True, passing=True))

    def _finish(self, entry: Entry, outcome: Outcome) -> None:
        if self._ledger.finish(entry):
            self._call_client(entry.task.done, outcome)

    @staticmethod
    def _call_client(tell: Callable[..., None], *what: Any) -> None:
        """Call what a client handed in; its mistakes must not end the engine."""
        try:
            tell(*what)
        except Exception:
            log.exception("a client of the engine stumbled over %r", what)

    def _do(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine beside all others; an error in it is one of the engine itself."""
        task = asyncio.get_running_loop().create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, job: asyncio.Task[None]) -> None:
        self._jobs.discard(job)
        error = None if job.cancelled() else job.exception()
        if error is not None and not self._broken.done():
            self._broken.set_exception(error)
        elif error is not None:
            log.error("the engine stumbled again", exc_info=error)
