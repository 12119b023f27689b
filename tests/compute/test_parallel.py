"""Loops on several threads: every item once, errors come out, loops inside of loops end."""

from __future__ import annotations

import multiprocessing
import threading
import time

import pytest

from frazil.compute.parallel import for_each, in_order


@pytest.mark.parametrize("threads", [1, 2, 5, 200])
def test_every_item_is_worked_on_once(threads: int) -> None:
    done: list[int] = []
    for_each(done.append, range(300), threads)
    assert sorted(done) == list(range(300))


def test_threads_work_side_by_side() -> None:
    meeting = threading.Barrier(3, timeout=20.0)
    for_each(lambda _: meeting.wait(), range(3), 3)


def test_loops_inside_of_loops_end() -> None:
    done: list[tuple[int, int]] = []

    def outer(i: int) -> None:
        for_each(lambda j: done.append((i, j)), range(5), 40)

    for_each(outer, range(60), 40)
    assert sorted(done) == [(i, j) for i in range(60) for j in range(5)]


@pytest.mark.parametrize("threads", [1, 4])
def test_an_error_comes_out_when_all_have_ended(threads: int) -> None:
    begun: list[int] = []
    ended: list[int] = []

    def work(i: int) -> None:
        begun.append(i)
        if i == 3:
            raise ValueError("three")
        time.sleep(0.01)
        ended.append(i)

    with pytest.raises(ValueError, match="three"):
        for_each(work, range(1000), threads)
    assert len(begun) < 20
    assert sorted(ended) == sorted(set(begun) - {3})


def _sum_of_squares() -> int:
    done: list[int] = []
    for_each(lambda i: done.append(i * i), range(10), 3)
    return sum(done)


def test_a_forked_process_has_its_own_threads() -> None:
    assert _sum_of_squares() == 285
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(_sum_of_squares).get(timeout=30.0) == 285


def test_results_come_in_the_order_of_the_items() -> None:
    assert list(in_order(lambda i: i * i, range(50), 3)) == [i * i for i in range(50)]
