"""Follow Warp: pre-processing of sessions on a Warp folder. It reads what Warp wrote, and computes nothing.

`body.FollowWarpBody` is what the track does; `folder` looks at the folder, `stacks` says when an image stack
may be used, `data_sets` which particles belong together, `taking_in` makes a movie's record and particle
table, `rows` keeps the catalogue.
"""

from frazil.tracks.follow_warp.body import FollowWarpBody

__all__ = ["FollowWarpBody"]
