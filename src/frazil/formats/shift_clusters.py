"""Single-linkage clusters of points in a plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_WIDEST_RATIO = 4.0
"""A gap is one if the shortest link across is so much longer than the longest link within."""
_SMALLEST = 1e-3
"""Shifts closer than this fraction of their extent are the same: rounding, hysteresis."""

Point = tuple[float, float]


class Cut(NamedTuple):
    """How links between points may be cut.

    Attributes
    ----------
    cut
        Length between links within clusters and links across; None where there is no clear gap.
    varies
        The points are not all the same.
    cut_around_all
        A length that leaves all points in one cluster, with room for more like them.
    """

    cut: float | None
    varies: bool
    cut_around_all: float


def find_cut(points: Sequence[Point]) -> Cut:
    """Find the widest gap, as a ratio, between the lengths at which single linkage joins clusters.

    These lengths are those of the minimum spanning tree. A gap counts if at least half of the points could be
    joined below it, so that a pattern of holes in which each was visited once is not mistaken for clusters.

    Parameters
    ----------
    points
        (x, y), at least one, any unit.
    """
    place = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    extent = float(np.ptp(place, axis=0).max())
    smallest = _SMALLEST * max(extent, _SMALLEST * float(np.abs(place).max()))
    varies = extent > _SMALLEST * float(np.abs(place).max()) > 0
    links = np.maximum(np.sort(_spanning_tree(place)), smallest)
    around_all = _WIDEST_RATIO * float(links[-1]) if len(links) else smallest
    first = (len(place) + 1) // 2
    if not varies or first >= len(links):
        return Cut(None, varies, around_all)
    ratios = links[first:] / links[first - 1 : -1]
    widest = int(np.argmax(ratios))
    if ratios[widest] < _WIDEST_RATIO:
        return Cut(None, varies, around_all)
    below, above = links[first - 1 + widest], links[first + widest]
    return Cut(float(np.sqrt(below * above)), varies, around_all)


def single_linkage(points: Sequence[Point], cut: float) -> list[int]:
    """Cluster of every point, counted from 0 in the order of their first points.

    Points belong together if steps no longer than ``cut`` lead from one to the other.
    """
    place = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    cluster = np.full(len(place), -1)
    count = 0
    for start in range(len(place)):
        if cluster[start] >= 0:
            continue
        edge = [start]
        cluster[start] = count
        while edge:
            near = (np.hypot(*(place - place[edge.pop()]).T) <= cut) & (cluster < 0)
            cluster[near] = count
            edge.extend(np.flatnonzero(near).tolist())
        count += 1
    return [int(number) for number in cluster]


def nearest(clusters: Sequence[Sequence[Point]], point: Point) -> tuple[int, float]:
    """Cluster with the point nearest to ``point``, and its distance; (-1, inf) where there is none."""
    best, distance = -1, float("inf")
    for index, members in enumerate(clusters):
        if members:
            here = float(np.hypot(*(np.asarray(members) - point).T).min())
            if here < distance:
                best, distance = index, here
    return best, distance


def _spanning_tree(place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lengths of the links of the minimum spanning tree (Prim's algorithm), shape (n - 1,)."""
    links = np.empty(max(len(place) - 1, 0))
    distance = np.full(len(place), np.inf)
    here = 0
    for index in range(len(links)):
        distance[here] = -1.0
        outside = distance >= 0
        reach = np.hypot(*(place - place[here]).T)
        distance[outside] = np.minimum(distance[outside], reach[outside])
        here = int(np.argmin(np.where(outside, distance, np.inf)))
        links[index] = distance[here]
    return links
