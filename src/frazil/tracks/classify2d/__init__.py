"""2D classification: particles are fed to a classifier on a worker as they come; every entry is kept.

`body.ClassifyBody` is what the track does; `streaming` decides when the classifier gets what, `jobs` when a
scheduled job begins and what it consists of, `pool` which particles are wanted and which it has, `history`
keeps the entries.
"""

from frazil.tracks.classify2d.body import ClassifyBody
from frazil.tracks.classify2d.messages import StartAutomatic, StartJobNow

__all__ = ["ClassifyBody", "StartAutomatic", "StartJobNow"]
