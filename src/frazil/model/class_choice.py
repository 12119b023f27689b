"""Which classes are good: of those, a person would keep the particles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FEWEST_SHARE = 0.2
_WORST_RESOLUTION = 1.5


def good_classes(
    classes: Sequence[Mapping[str, Any]],
    least_quality: float | None = None,
    overrides: Mapping[int, bool] | None = None,
) -> set[int]:
    """Return the ids of the good classes of an entry of the history.

    What a person decided by hand counts, then the threshold, then what the classifier thought
    (``selected``). Where it has not judged, a class is good if it has a fifth of the mean number of members
    and its resolution (FRC 0.5) is not more than 1.5 times as coarse as the best quarter's.

    Parameters
    ----------
    classes
        As in ``summary.json``: class_id, particles, resolution_a, perhaps quality, selected, stable_id.
    least_quality
        Classes of at least this quality are good; None: as the classifier's own threshold says.
    overrides
        Classes that are kept (True) or rejected (False) by hand, by stable id.
    """
    used = [item for item in classes if item["particles"] > 0]
    good = _automatic(used, least_quality)
    for item in used:
        by_hand = (overrides or {}).get(int(item.get("stable_id") or 0))
        if by_hand is not None:
            (good.add if by_hand else good.discard)(int(item["class_id"]))
    return good


def _automatic(used: Sequence[Mapping[str, Any]], least_quality: float | None) -> set[int]:
    if least_quality is not None and any("quality" in item for item in used):
        return {int(item["class_id"]) for item in used if item.get("quality", 0.0) >= least_quality}
    if any("selected" in item for item in used):
        return {int(item["class_id"]) for item in used if item.get("selected")}
    resolved = [item for item in used if item.get("resolution_a") is not None]
    if not resolved:
        return set()
    limit = _WORST_RESOLUTION * float(np.percentile([item["resolution_a"] for item in resolved], 25))
    fewest = _FEWEST_SHARE * sum(item["particles"] for item in used) / len(used)
    return {
        int(item["class_id"])
        for item in resolved
        if item["resolution_a"] <= limit and item["particles"] >= fewest
    }
