"""When a session needs a person. Pure: what is seen goes in, what is to be raised or cleared comes out.

What raises an alert and what clears it lie apart, so that a value at the limit does not flap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from frazil.model.range_rule import parse_rule
from frazil.model.track import TRACKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from frazil.model.settings_classes import NotificationSettings
    from frazil.store.catalogue.progress import Progress
    from frazil.store.catalogue.tracks import TrackRow

PAUSED_S = 60.0
"""A pause that is shorter needs nobody."""
IDLE_S = 3600.0
GOOD_RESOLUTION_A = 12.0
GOOD_PARTICLES = 50
"""A class average is good when so many particles agree to this resolution (FRC 0.5)."""

TRACK_LABELS = {
    "transfer": "file transfer",
    "preprocess": "pre-processing",
    "classify2d": "2D classification",
}


@dataclass(frozen=True)
class Seen:
    """What is known about a session at one moment.

    Attributes
    ----------
    now
        Seconds since 1970.
    tracks
        By name.
    progress, behind_s
        Counts and times; age of the oldest unfinished movie.
    disk_hours_left
        Until the session's disk is full at the present speed; None where it does not fill.
    values
        Of each range rule: the column for the movies done last, newest first.
    classes
        Summary of the newest class averages; None before the first.
    """

    now: float
    tracks: Mapping[str, TrackRow]
    progress: Progress
    behind_s: float
    disk_hours_left: float | None
    values: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    classes: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Verdict:
    """What becomes of a rule's alert: raised with a message, cleared, or left as it is."""

    rule: str
    what: Literal["raise", "clear", "keep"]
    message: str = ""


def judge(settings: NotificationSettings, seen: Seen) -> list[Verdict]:
    """Judge all rules of a session."""
    return [
        _no_new_movie(settings, seen),
        _behind(settings, seen),
        _disk(settings, seen),
        _idle(settings, seen),
        _first_classes(settings, seen),
        _contrast(seen),
        *_tracks(settings, seen),
        *_ranges(settings, seen),
    ]


def _verdict(rule: str, raised: bool, cleared: bool, message: str) -> Verdict:
    if raised:
        return Verdict(rule, "raise", message)
    return Verdict(rule, "clear" if cleared else "keep")


def _no_new_movie(settings: NotificationSettings, seen: Seen) -> Verdict:
    transfer = seen.tracks.get("transfer")
    if transfer is None or transfer.state != "running":
        return Verdict("no_new_movie", "clear")
    quiet_s = seen.now - max(seen.progress.newest_found_at or 0.0, transfer.since)
    limit_s = 60.0 * settings.no_new_movie_min
    message = f"no new movie for {settings.no_new_movie_min} min"
    return _verdict("no_new_movie", quiet_s > limit_s, quiet_s < limit_s, message)


def _behind(settings: NotificationSettings, seen: Seen) -> Verdict:
    limit_s = 60.0 * settings.behind_min
    message = f"processing is behind by {seen.behind_s / 60:.0f} min"
    return _verdict("behind", seen.behind_s > limit_s, seen.behind_s < 0.5 * limit_s, message)


def _disk(settings: NotificationSettings, seen: Seen) -> Verdict:
    left = seen.disk_hours_left
    if left is None:
        return Verdict("disk", "clear")
    limit = settings.disk_hours_left
    message = f"the disk is full in {left:.1f} h at the present speed"
    return _verdict("disk", left < limit, left > 1.5 * limit, message)


def _idle(settings: NotificationSettings, seen: Seen) -> Verdict:
    progress = seen.progress
    last = max(progress.newest_found_at or 0.0, progress.newest_done_at or 0.0)
    runs = any(track.state == "running" for track in seen.tracks.values())
    waits = seen.behind_s > 0
    if not settings.alert_idle or not runs or last == 0.0 or waits:
        return Verdict("idle", "clear")
    idle = seen.now - last > IDLE_S
    return _verdict("idle", idle, not idle, "nothing new for an hour, and all that came is done")


def _first_classes(settings: NotificationSettings, seen: Seen) -> Verdict:
    good = (
        [] if seen.classes is None else [entry for entry in seen.classes.get("classes", []) if _good(entry)]
    )
    message = f"the first good class averages: {len(good)} to {GOOD_RESOLUTION_A:g} Å or better"
    # Never cleared: it is told once in a session.
    return _verdict("first_classes", settings.alert_first_classes and bool(good), False, message)


def _contrast(seen: Seen) -> Verdict:
    """Judge the sign of the newest averages; no setting silences it, since nothing after it is right."""
    found = "right" if seen.classes is None else seen.classes.get("contrast", "right")
    how = "look inverted" if found == "inverted" else "look inverted in part"
    message = f"the particles {how}: class averages are dark on bright; see Invert contrast in the settings"
    return _verdict("contrast", found != "right", found == "right", message)


def _good(entry: Mapping[str, Any]) -> bool:
    resolution, particles = entry.get("resolution_a"), entry.get("particles", 0)
    return resolution is not None and resolution <= GOOD_RESOLUTION_A and particles >= GOOD_PARTICLES


def _tracks(settings: NotificationSettings, seen: Seen) -> Iterator[Verdict]:
    for name in TRACKS:
        track = seen.tracks.get(name)
        paused = track is not None and track.state == "paused"
        if track is None or not paused or not settings.alert_track:
            yield Verdict(f"track_{name}", "clear")
        else:
            long = seen.now - track.since > PAUSED_S or "needs attention" in track.reason
            message = f"{TRACK_LABELS[name]} is paused: {track.reason}"
            yield _verdict(f"track_{name}", long, False, message)


def _ranges(settings: NotificationSettings, seen: Seen) -> Iterator[Verdict]:
    for text in settings.range_rules:
        rule = parse_rule(text)
        values = seen.values.get(text, ())
        count = rule.count(values)
        word = "above" if rule.sign == ">" else "below"
        message = f"{rule.column} is {word} {rule.limit:g} in {count} of the last {min(rule.of, len(values))}"
        yield _verdict(f"range {text}", count >= rule.hits, 2 * count < rule.hits, message)
