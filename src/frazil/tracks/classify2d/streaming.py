"""When streaming gives the classifier what, and when it publishes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PATIENCE_S = 30.0
"""New particles wait no longer than this for more to come."""
SETTLED_S = 300.0
"""After so long without news, what has not been published is."""
GROWTH = 0.05
STRUCTURE_SHARE = 0.1
LARGEST_BATCH = 1000
IDLE_VISITS = 1000


@dataclass(frozen=True)
class StreamState:
    """How a run stands.

    Attributes
    ----------
    eligible, in_run, pending, withdrawals
        Particles that are wanted, that the run has, that wait to be added; movies whose particles go.
    pending_for_s
        How long the first of the news has waited.
    start_particles, class_count
        Settings.
    published_particles
        At the last entry of the history, 0 before the first.
    structure_changes
        Classes born, split, merged or re-seeded since then.
    settings_changed
        Since then.
    since_published_s, publish_s
        How long ago that was, and how long it must be.
    idle_visits_left
        Visits of old particles that are worth while because there is time.
    growth
        Growth of the particles' number that is worth an entry.
    asked_for
        A person wants an entry now.
    """

    eligible: int
    in_run: int
    pending: int
    withdrawals: int
    pending_for_s: float
    start_particles: int
    class_count: int
    published_particles: int = 0
    structure_changes: int = 0
    settings_changed: bool = False
    since_published_s: float = 1e9
    publish_s: float = 30.0
    idle_visits_left: int = 0
    growth: float = GROWTH
    asked_for: bool = False


@dataclass(frozen=True)
class Wait:
    """Nothing to do; ``why`` for people, ``s`` until something may be."""

    why: str
    s: float


StreamKind = Literal["news", "idle", "publish", "last"]


@dataclass(frozen=True)
class Batch:
    """Give the classifier a batch.

    Attributes
    ----------
    most_particles
        How many new particles at most; 0: none.
    idle_visits
        Visits of old ones besides.
    publish
        Whether an entry of the history is written at its end.
    final_pass
        Every particle is visited.
    """

    most_particles: int
    idle_visits: int
    publish: bool
    kind: StreamKind
    final_pass: bool = False


def batch_size(class_count: int) -> int:
    """Return how many new particles make a batch."""
    return min(max(200, 10 * class_count), LARGEST_BATCH)


def next_action(state: StreamState) -> Wait | Batch:
    """Decide what comes next."""
    if state.in_run == 0 and state.eligible < state.start_particles:
        return Wait(f"{state.eligible:,} of {state.start_particles:,} particles", PATIENCE_S)
    size = batch_size(state.class_count)
    news = state.pending > 0 or state.withdrawals > 0
    seeding = state.in_run < state.start_particles
    if news and (state.pending >= size or state.pending_for_s >= PATIENCE_S or seeding):
        after = state.in_run + min(state.pending, LARGEST_BATCH)
        return Batch(LARGEST_BATCH, 0, _publishes(state, after), "news")
    if _publishes(state, state.in_run):
        return Batch(0, 0, True, "publish")
    if not news and state.idle_visits_left > 0:
        return Batch(0, min(IDLE_VISITS, state.idle_visits_left), False, "idle")
    if news:
        return Wait("more particles", max(0.5, PATIENCE_S - state.pending_for_s))
    settled_in_s = SETTLED_S - state.since_published_s
    unpublished = state.in_run != state.published_particles
    return Wait("new particles", max(0.5, min(settled_in_s, PATIENCE_S)) if unpublished else PATIENCE_S)


def _publishes(state: StreamState, particles: int) -> bool:
    """Whether there is enough news for an entry of the history with so many particles."""
    if particles < state.start_particles:
        return False
    if state.asked_for:
        return True
    if state.since_published_s < state.publish_s:
        return False
    if state.published_particles == 0 or state.settings_changed:
        return True
    change = abs(particles - state.published_particles)
    if change >= state.growth * state.published_particles:
        return True
    if state.structure_changes > STRUCTURE_SHARE * state.class_count:
        return True
    return change > 0 and state.pending == 0 and state.since_published_s >= SETTLED_S
