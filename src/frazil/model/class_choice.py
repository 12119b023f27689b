"""Which classes are good: of those, a person would keep the particles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FEWEST_SHARE = 0.2
_WORST_RESOLUTION = 1.5


def good_classes(classes: Sequence[Mapping[str, Any]]) -> set[int]:
    """Return the ids of the good classes of an entry of the history.

    Where the classifier has judged its classes (``selected``), that counts. Otherwise a class is good if it
    has a fifth of the mean number of members and its resolution (FRC 0.5) is not more than 1.5 times as
    coarse as the best quarter's.

    Parameters
    ----------
    classes
        As in ``summary.json``: class_id, particles, resolution_a, perhaps selected.
    """
    used = [item for item in classes if item["particles"] > 0]
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
