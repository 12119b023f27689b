"""Which movies are next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil.tracks.preprocess.planner import NEW, REDO, TEST_OR_RETRY, Candidate, Order, next_movies
from frazil.tracks.preprocess.retry import FailureAlarm, judge_failure

CANDIDATES = st.lists(
    st.builds(Candidate, st.integers(1, 50), st.sampled_from((TEST_OR_RETRY, NEW, REDO))),
    unique_by=lambda movie: movie.number,
)


def numbers(candidates: list[Candidate], order: Order, room: int = 9, turn: int = 0) -> list[int]:
    return [movie.number for movie in next_movies(candidates, order, room, turn)]


def test_new_movies_go_in_the_order_that_is_wished_for() -> None:
    movies = [Candidate(number, NEW) for number in (3, 1, 5, 2, 4)]
    assert numbers(movies, "newest") == [5, 4, 3, 2, 1]
    assert numbers(movies, "oldest") == [1, 2, 3, 4, 5]
    assert numbers(movies, "alternate") == [5, 1, 4, 2, 3]
    assert numbers(movies, "alternate", room=2, turn=1) == [1, 5]


def test_a_retry_goes_before_new_movies_and_a_redo_after_them_newest_first() -> None:
    movies = [Candidate(1, REDO), Candidate(2, REDO), Candidate(3, NEW), Candidate(4, NEW), Candidate(5, 1)]
    assert numbers(movies, "oldest") == [5, 3, 4, 2, 1]


@given(CANDIDATES, st.sampled_from(("newest", "oldest", "alternate")), st.integers(0, 60), st.integers(0, 9))
def test_nothing_is_taken_twice_and_nothing_less_urgent_before_something_more_urgent(
    candidates: list[Candidate], order: Order, room: int, turn: int
) -> None:
    chosen = next_movies(candidates, order, room, turn)
    assert len(chosen) == min(room, len(candidates))
    assert len(set(chosen)) == len(chosen) and set(chosen) <= set(candidates)
    priorities = [movie.priority for movie in chosen]
    assert priorities == sorted(priorities)
    left = set(candidates) - set(chosen)
    assert not left or not chosen or min(movie.priority for movie in left) >= priorities[-1]


def test_passing_failures_are_tried_again_later_and_later_and_then_no_more() -> None:
    waits = [judge_failure(n, passing=True, max_attempts=6).wait_s for n in range(7)]
    assert waits == [30.0, 120.0, 600.0, 600.0, 600.0, None, None]


@pytest.mark.parametrize(("passing", "most"), [(False, 3), (True, 1)])
def test_a_lasting_failure_or_one_try_only_is_final_at_once(passing: bool, most: int) -> None:
    assert judge_failure(0, passing=passing, max_attempts=most).final


def test_the_alarm_goes_off_once_and_is_silent_only_well_below_its_limit() -> None:
    alarm = FailureAlarm()
    changes = [alarm.add(failed=True, limit_percent=30.0) for _ in range(7)]
    assert changes == [False] * 6 + [True]
    changes = [alarm.add(failed=False, limit_percent=30.0) for _ in range(20)]
    assert changes.count(True) == 1 and not alarm.on
    # 20 results hold the 7 failures until the 14th good one pushed the first of them out.
    assert changes.index(True) == 16
