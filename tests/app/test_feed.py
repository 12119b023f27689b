"""The feed: nothing waits for a watcher, nothing is lost that is remembered, and little is sent."""

from __future__ import annotations

import threading
import tracemalloc
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from frazil.app.feed import MOST_NAMES, Change, Delta, Feed

if TYPE_CHECKING:
    from collections.abc import Callable


def everything(_: Change) -> bool:
    return True


def test_a_watcher_gets_what_came_after_its_position() -> None:
    feed = Feed()
    feed.publish(1, "track", {"track": "transfer", "state": "running"})
    position = feed.sequence
    feed.publish(1, "classes", {"number": 3})
    delta = feed.take(position, everything)
    assert [(c.kind, c.data) for c in delta.changes] == [("classes", {"number": 3})]
    assert feed.take(delta.sequence, everything) == Delta(2)


def test_what_is_stale_is_left_out() -> None:
    feed = Feed()
    for state in ("starting", "running", "paused"):
        feed.publish(1, "track", {"track": "transfer", "state": state})
        feed.publish(1, "track", {"track": "preprocess", "state": state})
        feed.publish(2, "track", {"track": "transfer", "state": state})
    changes = feed.take(0, everything).changes
    assert [(c.session_id, c.data["track"], c.data["state"]) for c in changes] == [
        (1, "transfer", "paused"),
        (1, "preprocess", "paused"),
        (2, "transfer", "paused"),
    ]


def test_names_of_movies_are_collected_up_to_a_limit() -> None:
    feed = Feed()
    feed.publish(1, "movies", {"names": ["a", "b"]})
    feed.publish(1, "movies", {"names": ["b", "c"]})
    (change,) = feed.take(0, everything).changes
    assert change.data == {"names": ["a", "b", "c"]} and change.sequence == 2
    feed.publish(1, "movies", {"names": [f"m{n}" for n in range(MOST_NAMES)]})
    (change,) = feed.take(0, everything).changes
    assert change.data == {"names": [], "many": True}
    feed.publish(2, "movies", {"names": [f"m{n}" for n in range(MOST_NAMES + 1)]})
    assert feed.take(3, everything).changes[0].data == {"names": [], "many": True}


def test_who_was_away_too_long_reads_everything_anew() -> None:
    feed = Feed(remembered=10)
    for number in range(11):
        feed.publish(1, "classes", {"number": number})
    assert feed.take(0, everything) == Delta(11, resync=True)
    assert not feed.take(1, everything).resync


def test_positions_of_another_server_or_the_future_mean_nothing() -> None:
    feed = Feed()
    feed.publish(1, "classes", {"number": 1})
    assert feed.position(None) == 1
    assert feed.position(f"{feed.epoch}:0") == 0
    for since in (
        "",
        "x:0",
        f"{feed.epoch}:2",
        f"{feed.epoch}:-1",
        f"{feed.epoch}:",
        f"{feed.epoch}:" + "9" * 30,
    ):
        assert feed.position(since) is None


@given(
    st.lists(
        st.tuples(st.sampled_from([1, 2, None]), st.sampled_from(["track", "movies", "classes"])), max_size=60
    ),
    st.data(),
)
def test_however_a_watcher_looks_it_ends_with_the_newest(
    published: list[tuple[int | None, str]], data: st.DataObject
) -> None:
    feed = Feed(remembered=20)
    position, known, names = 0, {}, set[str]()
    for number, (session, kind) in enumerate(published):
        feed.publish(session, kind, {"names": [str(number)]} if kind == "movies" else {"number": number})
        if data.draw(st.booleans()):
            delta = feed.take(position, everything)
            position = delta.sequence
            if delta.resync:
                known = {key: place for place, key in enumerate(published[: number + 1])}
                names = {str(p) for p, (_, k) in enumerate(published[: number + 1]) if k == "movies"}
            for change in delta.changes:
                known[change.session_id, change.kind] = change.data.get("number", change.sequence - 1)
                names |= set(change.data.get("names", ()))
    delta = feed.take(position, everything)
    if not delta.resync:
        for change in delta.changes:
            known[change.session_id, change.kind] = change.data.get("number", change.sequence - 1)
            names |= set(change.data.get("names", ()))
        assert known == {key: place for place, key in enumerate(published)}
        assert names == {str(place) for place, (_, kind) in enumerate(published) if kind == "movies"}


def test_many_publishers_and_watchers_that_never_read_cost_no_memory() -> None:
    feed = Feed(remembered=1000)
    calls = [0]

    def count() -> None:
        calls[0] += 1

    ends: list[Callable[[], None]] = [feed.listen(count) for _ in range(200)]
    positions = [0] * 200

    def publish(session: int) -> None:
        for number in range(2000):
            feed.publish(session, "movies", {"names": [f"movie_{number}"]})

    publish(0)
    tracemalloc.start()
    threads = [threading.Thread(target=publish, args=(session,)) for session in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert feed.sequence == 18_000
    assert grown < 2_000_000
    assert calls[0] > 0
    assert all(feed.take(position, everything).resync for position in positions)
    for end in ends:
        end()
    before = calls[0]
    feed.publish(1, "server", {})
    assert calls[0] == before


def test_changed_rights_wake_those_who_listen() -> None:
    feed = Feed()
    woken = threading.Event()
    feed.listen(woken.set)
    before = feed.rights
    feed.rights_changed()
    assert feed.rights > before and woken.is_set()
