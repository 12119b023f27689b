"""Wall times as clusters write them: ``d-hh:mm:ss`` or ``hh:mm:ss``."""

from __future__ import annotations

import math
import re

_WALLTIME = re.compile(r"(?:(\d{1,3})-)?(\d{1,3}):([0-5]\d):([0-5]\d)")


def walltime_minutes(text: str) -> int:
    """Minutes of a wall time, rounded up; `ValueError` where it is none."""
    found = _WALLTIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no wall time: write it as d-hh:mm:ss, for instance 0-02:30:00")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = math.ceil(((24 * days + hours) * 60 + minutes) + seconds / 60.0)
    if not total:
        raise ValueError("a wall time of nothing lets nothing end")
    return total
