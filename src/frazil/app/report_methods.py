"""The paragraph on methods of a session's report: what was done, as a paper would say it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from frazil import __version__
from frazil.model.words import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from frazil.model.settings import Settings

_ALIGNMENTS = {
    "local": "aligned globally and locally",
    "global": "aligned globally",
    "none": "averaged without alignment",
}


def methods(facts: Mapping[str, Any], settings: Settings, used: Sequence[tuple[Settings, int]]) -> str:
    """Describe the processing as a paper would.

    Parameters
    ----------
    facts
        Of the report.
    settings
        The newest.
    used
        Settings that processed movies were made with, and how many of them.
    """
    counts = facts["movies"]
    if not counts["total"]:
        return "Nothing has been recorded yet."
    words = []
    used = used or [(settings, counts["total"])]
    is_warp = settings.session.kind == "warp"
    is_movie = settings.session.kind == "movies" and has_movies(settings)
    taken = _taken(plural(counts["total"], facts["session"]["unit"]), used, with_dose=is_movie)
    done = (
        f"processed on the fly with Warp, and its results taken over by Frazil {__version__}"
        if is_warp
        else f"processed on the fly with Frazil {__version__}"
    )
    if counts["done"] == counts["total"]:
        words.append(f"{taken} {'was' if counts['total'] == 1 else 'were'} {done}.")
    else:
        words.append(f"Of {taken}, {counts['done']:,} {'was' if counts['done'] == 1 else 'were'} {done}.")
    if is_movie:
        ways = _each(used, _alignment)
        told = [way if len(ways) == 1 else f"{way} ({plural(number, 'movie')})" for way, number in ways]
        words.append(f"Frames were {', or '.join(told)}.")
    resolution = facts["columns"]["ctf_resolution_a"]
    if resolution is not None:
        fit = (
            "The median fit of the contrast transfer function"
            if is_warp
            else "The contrast transfer function was fitted to power spectra; the median fit"
        )
        words.append(f"{fit} reaches {resolution['median']:.1f} Å.")
    if facts["particles_found"]:
        found = plural(facts["particles_found"], "particle was", "particles were")
        ways_to_pick = _each(used, lambda one: one.detection.picking_method)
        method = " and ".join(way for way, _ in ways_to_pick if way != "none")
        kept = counts["total"] - counts["excluded"]
        of_kept = (
            f", {facts['particles']:,} of them in the {plural(kept, facts['session']['unit'])} that "
            f"{'was' if kept == 1 else 'were'} kept"
            if counts["excluded"]
            else ""
        )
        by = "taken from Warp" if is_warp else f"found by {method} detection and extracted"
        words.append(f"{found} {by}{of_kept}.")
    classes = facts["classes"]
    if classes is not None:
        words.append(
            f"{plural(classes['particles'], 'particle was', 'particles were')} classified in two dimensions "
            f"into {plural(classes['class_count'], 'class', 'classes')}, of which {classes['good']} with "
            f"{plural(classes['good_particles'], 'particle')} were judged good."
        )
    return " ".join(words)


def _taken(things: str, used: Sequence[tuple[Settings, int]], *, with_dose: bool) -> str:
    """Say what was recorded, with all values of the microscope that were set."""

    def values(name: str) -> str:
        known = _each(used, lambda one: getattr(one.microscope, name))
        return " and ".join(f"{value:g}" for value, _ in known if value)

    if (voltage := values("voltage_kv")) and (pixel := values("pixel_size_a")):
        things += f" recorded at {voltage} kV and {pixel} Å per pixel"
    if with_dose and (dose := values("dose_per_movie_e_per_a2")):
        things += f" with an exposure of {dose} e/Å²"
    return things


def _each(used: Sequence[tuple[Settings, int]], value: Callable[[Settings], Any]) -> list[tuple[Any, int]]:
    """Every value that occurs, and for how many movies."""
    found: Counter[Any] = Counter()
    for settings, number in used:
        found[value(settings)] += number
    return list(found.items())


def _alignment(settings: Settings) -> str:
    way = _ALIGNMENTS[settings.alignment.alignment_method]
    return f"{way} and weighted by exposure" if settings.alignment.dose_weighting else way


def has_movies(settings: Settings) -> bool:
    """Whether what is recorded has frames."""
    return settings.session.kind != "micrographs" and settings.image_data.has_frames
